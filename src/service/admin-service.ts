/** AdminService: what concerns the instance as a whole. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { scopeExceeded } from "../auth/actor.ts";
import { RefusalError } from "../domain/refusal.ts";
import type { BackupInfo, Store } from "../store/store.ts";
import type { ServiceHandlers } from "./call.ts";
import { toTimestamp } from "./user-message.ts";

export interface AdminServiceOptions {
  readonly store: Store;
}

/** The handlers of lockkeeper.admin.v1.AdminService. */
export function adminHandlers({ store }: AdminServiceOptions): ServiceHandlers<typeof pb.AdminService> {
  return {
    async *createBackup(_request, call) {
      const { actor } = call.admission;
      if (actor.scope !== null) throw new RefusalError(scopeExceeded("a backup is of the whole instance", actor.scope));
      const backup = await store.createBackup();
      // A caller who is gone asks for nothing more; without this the generator would wait where it stands.
      call.signal.addEventListener("abort", () => backup.close(), { once: true });
      if (call.signal.aborted) backup.close();
      try {
        yield piece({ case: "metadata", value: toMetadata(backup.info) });
        const chunks = backup.chunks();
        for (let each = await chunks.next(); ; each = await chunks.next()) {
          if (each.done) {
            yield piece({ case: "end", value: create(pb.BackupEndSchema, { sha256: each.value }) });
            return;
          }
          yield piece({ case: "chunk", value: each.value });
        }
      } finally {
        backup.close();
      }
    },
  };
}

function piece(value: pb.CreateBackupResponse["piece"]): pb.CreateBackupResponse {
  return create(pb.CreateBackupResponseSchema, { piece: value });
}

function toMetadata(info: BackupInfo): pb.BackupMetadata {
  return create(pb.BackupMetadataSchema, {
    sizeBytes: BigInt(info.bytes),
    generation: BigInt(info.generation),
    position: BigInt(info.position),
    link: info.link,
    recordTime: toTimestamp(info.recordTime),
    schemaVersion: info.schemaVersion,
  });
}
