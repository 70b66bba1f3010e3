/** A worker that crashes, hangs or exits on request. */
import { serveQuestions } from "../../../src/store/sqlite/worker-port.ts";

serveQuestions<string>(
  (question) => {
    switch (question) {
      case "crash":
        // Outside the answer, where nothing catches it.
        setImmediate(() => {
          throw new Error("crashed");
        });
        return question;
      case "exit":
        return process.exit(3);
      case "hang":
        for (;;);
      case "slow":
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
        return question;
      case "throw":
        throw new Error("thrown");
      default:
        return question;
    }
  },
  () => undefined,
);
