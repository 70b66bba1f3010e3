/** AdminService: who calls, and backups of the whole instance. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import * as pb from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { PERMISSIONS } from "../../auth/permissions.ts";
import type { Log } from "../../observability/log.ts";
import type { Backup, BackupInfo } from "../../store/store.ts";
import type { ServiceHandlers } from "../call.ts";
import type { InstanceOperations } from "../operations/instance.ts";
import { toTimestamp } from "../times.ts";

/** The handlers of lockkeeper.admin.v1.AdminService. */
export function adminHandlers(
  operations: InstanceOperations,
  log: Pick<Log, "write">,
): ServiceHandlers<typeof pb.AdminService> {
  return {
    async whoAmI(_request, call) {
      const { actor } = call.admission;
      const key = operations.keyOf(actor);
      return create(pb.WhoAmIResponseSchema, {
        actor: actor.id,
        organizationId: actor.scope ?? "",
        permissions: PERMISSIONS.filter((permission) => actor.permissions.has(permission)),
        ...(actor.expireTime === null ? {} : { expireTime: toTimestamp(actor.expireTime) }),
        apiKeyId: actor.keyId ?? "",
        displayName: key?.displayName ?? "",
        role: key?.role ?? "",
        serverTime: toTimestamp(await operations.now()),
      });
    },

    async *createBackup(_request, call) {
      const { actor } = call.admission;
      const backup = await operations.createBackup(actor);
      if (backup === undefined) {
        throw new ConnectError(
          "this database is backed up by its own tools, pg_dump or point-in-time recovery, not by lockkeeper",
          Code.Unimplemented,
        );
      }
      // The log line of the call comes at its end, which may be minutes away.
      const { bytes, position } = backup.info;
      log.write("info", "backup begun", { callId: call.id, actor: actor.id, bytes, position });
      // A caller that is gone reads nothing more; without this the generator would wait forever.
      call.signal.addEventListener("abort", () => backup.close(), { once: true });
      if (call.signal.aborted) backup.close();
      try {
        yield* piecesOf(backup);
      } catch (error) {
        // Report what ended the call; the closed backup is only a consequence.
        const reason: unknown = call.signal.aborted ? call.signal.reason : undefined;
        throw reason instanceof ConnectError ? reason : error;
      } finally {
        backup.close();
      }
    },
  };
}

async function* piecesOf(backup: Backup): AsyncGenerator<pb.CreateBackupResponse> {
  yield piece({ case: "metadata", value: toMetadata(backup.info) });
  const chunks = backup.chunks();
  for (;;) {
    const each = await chunks.next();
    if (each.done) return yield piece({ case: "end", value: create(pb.BackupEndSchema, { sha256: each.value }) });
    yield piece({ case: "chunk", value: each.value });
  }
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
