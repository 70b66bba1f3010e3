#!/usr/bin/env python3
"""Verifies an export of lockkeeper's history: verify.py [--allow-withheld] EXPORT [CHECKPOINT] [VERIFIER_KEY]. See docs/history.md."""
import base64, hashlib, json, subprocess, sys, tempfile

u32 = lambda data: len(data).to_bytes(4, "big") + data
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
b64 = base64.b64decode
MAY_BE_WITHHELD = ("ApiKeyCreated", "ApiKeyRotated")  # their bodies have hashes of secrets

def fail(position, why):
    sys.exit(f"position {position}: {why}")

def check_event(e, position):
    if int(e["position"]) != position: fail(position, f"the event is missing: the next one is {e['position']}")
    if not e.get("body"):  # the hash alone says nothing about the rest of the line
        if e["type"] not in MAY_BE_WITHHELD: fail(position, f"the event has no body, and no export withholds one of {e['type']}")
        withheld.append(position)
        return b64(e["hash"])
    body, number = b64(e["body"]), lambda name: int(e[name]) if name in e else None
    user, sequence = e.get("userId"), int(e.get("sequence", 0))
    envelope = [position, number("previousPosition"), e.get("organizationId"), user, sequence, e["type"],
                int(e["time"]), int(e["recordTime"]), e.get("actor", ""), e.get("via", ""), e.get("requestId", "")]
    if body[0] == 2: envelope.insert(0, 0)
    text = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()
    if sha256(u32(text), body) != b64(e["hash"]): fail(position, "the event is not what its hash was made of")
    if user and number("previousPosition") != last.get(user): fail(position, "the event before of the same user is another one")
    last[user] = position
    content, personal = json.loads(body[1:]), e.get("personal", {})
    for name, p in personal.items():
        commitment = sha256(b64(p["salt"]), u32(name.encode()), p.get("value", "").encode())
        if base64.b64encode(commitment).decode() != content["commitments"].get(name): fail(position, f"the personal value {name} is another one")
    if e["type"] == "UserDeleted" and content["data"].get("erased"): gone.pop(user, None)  # all before it
    if e["type"] == "EventRedacted":
        for name in content["data"]["fields"]: gone.get(user, {}).pop((content["data"]["sequence"], name), None)
    for name in content["commitments"].keys() - personal.keys(): gone.setdefault(user, {})[sequence, name] = position
    return b64(e["hash"])

def check_note(note, key):
    text, signatures = note.rsplit("\n\n", 1)
    name, _, public = key.split("+", 2)
    signature = next((b64(s.split(" ")[2])[4:] for s in signatures.splitlines() if s.startswith(f"— {name} ")), b"")
    der = bytes.fromhex("302a300506032b6570032100") + b64(public)[1:]
    with tempfile.TemporaryDirectory() as folder:
        for file, data in (("key", der), ("signature", signature), ("text", f"{text}\n".encode())): open(f"{folder}/{file}", "wb").write(data)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature"
        if subprocess.run(command.split(), cwd=folder, capture_output=True).returncode: sys.exit("the checkpoint is not signed by this key")

paths = [word for word in sys.argv[1:] if word != "--allow-withheld"]
link, hashes, links, position, end = bytes(32), [], {}, 0, None
withheld, last, gone = [], {}, {}  # positions; user → its newest position; user → {(sequence, name): position} of absent values
for number, line in enumerate(open(paths[0], encoding="utf-8"), 1):
    document = json.loads(line)
    ((kind, value),) = document.get("result", document).items()  # over REST each line has its message in `result`
    if end is not None: sys.exit(f"line {number}: there is a line after the end")
    if (kind == "head") != (number == 1): sys.exit(f"line {number}: expected the head first, and once")
    if kind == "head": head = value
    if kind == "event":
        position += 1
        hashes.append(check_event(value, position))
    if kind == "link":
        link, hashes, at = sha256(link, *hashes), [], int(value["position"])
        if at > position: fail(position + 1, "the event is missing")
        if at != position or b64(value["link"]) != link: fail(position, "the link is not the hash of the one before and of its events")
        links[position] = link
    if kind == "end": end = value
if end is None or hashes or position != int(head["position"]) or link != b64(head["link"]): fail(position, "the export ends here, before its head")
for note in [end.get("checkpoint", "")] + [open(path, encoding="utf-8").read() for path in paths[1:2]]:
    if not note: continue
    origin, at, root = note.split("\n")[:3]
    if links.get(int(at)) != b64(root): fail(at, f"the history is not the one that a checkpoint of {origin} was made of")
    if paths[2:]: check_note(note, paths[2])
absent = sorted((at, name) for values in gone.values() for (_, name), at in values.items())
unproven = [f"the content of the events at {', '.join(map(str, withheld))}, whose bodies are withheld"] if withheld else []
if head.get("personalWithheld"): unproven.append("the personal values, which are withheld")
elif absent: fail(absent[0][0], f"the personal value {absent[0][1]} is gone, and no event of this export says that it was erased")
for what in unproven: print(f"not proven: {what}", file=sys.stderr)
if unproven and "--allow-withheld" not in sys.argv:
    print("export with a key that may read them (backup.create, user.read), or accept it with --allow-withheld", file=sys.stderr)
    sys.exit(3)
print(f"verified: {position} events, link {base64.b64encode(link).decode()}")
