"""What textual-serve takes for an app, started in moments: it shows its arguments, and ends when it
is asked to."""

import json
import sys

out = sys.stdout.buffer


def send(kind: bytes, payload: object) -> None:
    content = json.dumps(payload).encode()
    out.write(kind + len(content).to_bytes(4, "big") + content)
    out.flush()


out.write(b"__GANGLION__\n")
send(b"D", sys.argv[1:])
send(b"M", {"type": "open_url", "url": "http://pwned.example", "new_tab": True})
source = sys.stdin.buffer
while (kind := source.read(1)) and (size := int.from_bytes(source.read(4), "big")):
    payload = source.read(size)
    if kind == b"M" and json.loads(payload)["type"] == "quit":
        break
