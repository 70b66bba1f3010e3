/** The peer of a gRPC call: @grpc/grpc-js answers CheckSignIn with the same bytes each time and does nothing else. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { CheckSignInResponseSchema } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { PEER_DECISION } from "./decision.ts";

const ANSWER = Buffer.from(toBinary(CheckSignInResponseSchema, create(CheckSignInResponseSchema, PEER_DECISION)));
const asIs = (bytes: Buffer): Buffer => bytes;

const server = new Server();
server.addService(
  {
    checkSignIn: {
      path: "/lockkeeper.signin.v1.SignInService/CheckSignIn",
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    checkSignIn: (_: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, ANSWER),
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});
