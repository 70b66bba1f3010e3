/** AdminService: who calls, and what concerns the instance as a whole. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import * as pb from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { type Actor, scopeExceeded } from "../../auth/actor.ts";
import type { ApiKeyCache } from "../../auth/api-key-cache.ts";
import { PERMISSIONS } from "../../auth/permissions.ts";
import { credentialInvalid } from "../../domain/api-key.ts";
import { RefusalError } from "../../domain/refusal.ts";
import type { Log } from "../../observability/log.ts";
import type { Backup, BackupInfo, Store } from "../../store/store.ts";
import type { ServiceHandlers } from "../call.ts";
import { toTimestamp } from "./message/user-message.ts";

export interface AdminServiceOptions {
  readonly store: Store;
  readonly keyCache: Pick<ApiKeyCache, "stillOpens" | "keyOf">;
  readonly log: Pick<Log, "write">;
}

/** Until a revoked or expired credential ends a backup under way, which carries everyone's data for minutes. */
const RECHECK_MS = 1_000;

/** The handlers of lockkeeper.admin.v1.AdminService. */
export function adminHandlers({ store, keyCache, log }: AdminServiceOptions): ServiceHandlers<typeof pb.AdminService> {
  return {
    async whoAmI(_request, call) {
      const { actor } = call.admission;
      const key = keyCache.keyOf(actor);
      return create(pb.WhoAmIResponseSchema, {
        actor: actor.id,
        organizationId: actor.scope ?? "",
        permissions: PERMISSIONS.filter((permission) => actor.permissions.has(permission)),
        ...(actor.expireTime === null ? {} : { expireTime: toTimestamp(actor.expireTime) }),
        apiKeyId: actor.keyId ?? "",
        displayName: key?.displayName ?? "",
        role: key?.role ?? "",
        serverTime: toTimestamp(await store.now()),
      });
    },

    async *createBackup(_request, call) {
      const { actor } = call.admission;
      if (actor.scope !== null) throw new RefusalError(scopeExceeded("a backup is of the whole instance", actor.scope));
      const backup = await store.createBackup?.();
      if (backup === undefined) {
        throw new ConnectError("this database is backed up by its own tools, not by lockkeeper", Code.Unimplemented);
      }
      // The call's own line comes at its end, and may be minutes away.
      const { bytes, position } = backup.info;
      log.write("info", "backup begun", { callId: call.id, actor: actor.id, bytes, position });
      // A caller who is gone asks for nothing more; without this the generator would wait where it stands.
      call.signal.addEventListener("abort", () => backup.close(), { once: true });
      if (call.signal.aborted) backup.close();
      try {
        yield* piecesOf(backup, () => assertOpens(keyCache, actor));
      } catch (error) {
        // What ended the call is what there is to say; that the backup was closed only follows.
        const reason: unknown = call.signal.aborted ? call.signal.reason : undefined;
        throw reason instanceof ConnectError ? reason : error;
      } finally {
        backup.close();
      }
    },
  };
}

async function* piecesOf(backup: Backup, recheck: () => void): AsyncGenerator<pb.CreateBackupResponse> {
  yield piece({ case: "metadata", value: toMetadata(backup.info) });
  const chunks = backup.chunks();
  let checkTime = performance.now() + RECHECK_MS;
  for (let each = await chunks.next(); ; each = await chunks.next()) {
    if (performance.now() >= checkTime) {
      recheck();
      checkTime = performance.now() + RECHECK_MS;
    }
    if (each.done) {
      yield piece({ case: "end", value: create(pb.BackupEndSchema, { sha256: each.value }) });
      return;
    }
    yield piece({ case: "chunk", value: each.value });
  }
}

function assertOpens(keyCache: Pick<ApiKeyCache, "stillOpens">, actor: Actor): void {
  if (!keyCache.stillOpens(actor)) throw new RefusalError(credentialInvalid());
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
