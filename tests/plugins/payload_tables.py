#!/usr/bin/env python3
"""Checks that a plugin's README documents the same payload fields and configuration keys as its schemas.

    payload_tables.py SLUICE PLUGIN README TYPE

Under a heading with "Payload", tables whose first cell is "field" list the members of TYPE's payload; their second
column marks the required ones. Tables whose first cell begins with "key" list the keys of the configuration.
"""
import json
import re
import subprocess
import sys


def tables(readme):
    """Yields each table as (heading, head, rows), cells stripped."""
    heading, table = "", None
    with open(readme, encoding="utf-8") as lines:
        for line in [*lines, ""]:
            if line.startswith("#"):
                heading = line.strip("# \n")
            if line.startswith("|"):
                cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
                if table is None:
                    table = (heading, cells, [])
                elif not re.fullmatch(r"[-:| ]*", line.strip()):
                    table[2].append(cells)
            elif table is not None:
                yield table
                table = None


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def keys_of(schema, root):
    """Yields the names of keys at any depth. Skips names that the operator chooses, but not the keys below them."""
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    for name, value in schema.get("properties", {}).items():
        yield name
        yield from keys_of(value, root)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys_of(schema["additionalProperties"], root)


def differences(what, documented, declared):
    for name in sorted(documented - declared):
        yield f"{what}: the README has `{name}`, but the schema does not"
    for name in sorted(declared - documented):
        yield f"{what}: the schema has `{name}`, but the README does not"


def troubles(sluice, plugin, readme, job_type):
    said = subprocess.run([sluice, "plugin", "inspect", plugin, "--json"], check=True, capture_output=True, text=True)
    descriptor = json.loads(said.stdout)[0]
    types = {each["name"]: each for each in descriptor["types"]}
    payload = json.loads(types[job_type]["payload_schema"])
    config = json.loads(descriptor["config_schema"])
    fields, required, keys = set(), set(), set()
    for heading, head, rows in tables(readme):
        for cells in rows:
            if head[0] == "field" and "Payload" in heading:
                fields.update(names(cells[0]))
                required.update(names(cells[0]) if cells[1] == "required" else [])
            elif head[0].startswith("key"):
                keys.update(name.split(".")[-1] for name in names(cells[0]))
    yield from differences("payload", fields, set(payload["properties"]))
    yield from differences("required in the payload", required, set(payload.get("required", [])))
    yield from differences("configuration", keys, set(keys_of(config, config)) - {"sources", "targets"})


if __name__ == "__main__":
    found = list(troubles(*sys.argv[1:]))
    print("\n".join(found) or "the README and the schemas agree")
    sys.exit(1 if found else 0)
