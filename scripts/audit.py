#!/usr/bin/env python3
"""Holds every dependency against deny.toml: its licence, its source, its name.

The same rules as `cargo deny check licenses bans sources`, from what cargo itself knows, so that
they can be checked anywhere in a second. Known vulnerabilities need the advisory database, and
so `cargo deny check advisories`.
"""

import json
import re
import subprocess
import sys
import tomllib

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether the allowed licences satisfy an SPDX expression."""
    # Old manifests write `MIT/Apache-2.0` for a choice.
    tokens = re.findall(r"[()]|[\w.+-]+", expression.replace("/", " OR "))
    words = []
    for token in tokens:
        if token in ("(", ")"):
            words.append(token)
        elif token in ("AND", "OR"):
            words.append(token.lower())
        elif words and words[-1] == "WITH":
            words.pop()
            words.append(f"{words.pop()} WITH {token}")
        else:
            words.append(token)
    python = " ".join(
        word if word in ("(", ")", "and", "or") else str(word in allowed or plain(word) in allowed)
        for word in words
    )
    # Only brackets, `and`, `or`, True and False are left.
    return bool(eval(python, {"__builtins__": {}}))


def plain(licence: str) -> str:
    """A licence without the exception that only widens it."""
    return licence.split(" WITH ")[0]


def main() -> int:
    with open("deny.toml", "rb") as file:
        rules = tomllib.load(file)
    allowed = set(rules["licenses"]["allow"])
    banned = {ban["crate"] for ban in rules["bans"]["deny"]}
    target = rules["graph"]["targets"][0]
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in used]

    wrong = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["source"] not in (None, CRATES_IO):
            wrong.append(f"{name} comes from {package['source']}")
        if package["name"] in banned:
            wrong.append(f"{name} is banned")
        licence = package["license"]
        if licence is None:
            wrong.append(f"{name} names no licence")
        elif not is_allowed(licence, allowed):
            wrong.append(f"{name} has the licence {licence}")
    for line in wrong:
        print(line)
    print(f"{len(packages)} packages, {len(wrong)} against deny.toml")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
