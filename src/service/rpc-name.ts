/** The names of RPCs, as permissions, logs and metrics spell them. */
import type { DescMethod } from "@bufbuild/protobuf";

const names = new WeakMap<DescMethod, string>();

/** Returns `package.Service/Method`; each name is made once, because every call needs it several times. */
export function rpcNameOf(method: DescMethod): string {
  let name = names.get(method);
  if (name === undefined) {
    name = `${method.parent.typeName}/${method.name}`;
    names.set(method, name);
  }
  return name;
}
