/** @grpc/grpc-js as a server that does nothing: fixed bytes for every method that it knows. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { GRPC_ANSWERS } from "./answers.ts";

const asIs = (bytes: Buffer): Buffer => bytes;
const STREAMS = { requestStream: false, responseStream: false } as const;
const CODEC = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

const server = new Server();
for (const [path, bytes] of GRPC_ANSWERS) {
  server.addService(
    { call: { path, ...STREAMS, ...CODEC } },
    { call: (_: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, bytes) },
  );
}
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});
