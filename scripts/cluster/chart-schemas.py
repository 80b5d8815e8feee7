#!/usr/bin/env python3
"""JSON schemas for `kubeconform -strict`, without a cluster and without a network.

    chart-schemas.py OUT --swagger SWAGGER.json FOLDER_OF_CRDS...

The kinds of Kubernetes come from api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes, those of
others from their CustomResourceDefinitions. Files are named <kind>-<group>-<version>.json, all lower case,
with the first part of the group alone: `job-batch-v1.json`, `clusterqueue-kueue-v1beta2.json`.
"""

import argparse
import json
import pathlib

import yaml

REFERENCE = "_definitions.json#/definitions/"
# YAML 1.1 has a type for a bare "=", which Prometheus' matchers are.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)

INT_OR_STRING = [{"type": "string"}, {"type": "integer"}]


def closed(schema):
    """The same schema, which refuses properties that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(value) for name, value in schema.items()}
    if isinstance(result.get("$ref"), str):
        result["$ref"] = result["$ref"].replace("#/definitions/", REFERENCE)
    if result.get("format") == "int-or-string" or result.get("x-kubernetes-int-or-string") is True:
        for name in ("type", "format", "anyOf"):
            result.pop(name, None)
        result["anyOf"] = INT_OR_STRING
    is_open = result.get("x-kubernetes-preserve-unknown-fields") is True
    if isinstance(result.get("properties"), dict) and not is_open:
        result.setdefault("additionalProperties", False)
    return result


def file_name(kind, group, version):
    parts = [kind, group.split(".")[0], version]
    return "-".join(part for part in parts if part).lower() + ".json"


def write_builtin(swagger, out):
    definitions = closed(json.loads(swagger.read_text())["definitions"])
    quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity"
    definitions[quantity] = {"anyOf": [{"type": "string"}, {"type": "number"}]}
    (out / "_definitions.json").write_text(json.dumps({"definitions": definitions}))
    for name, definition in definitions.items():
        for of in definition.get("x-kubernetes-group-version-kind", []):
            path = out / file_name(of["kind"], of["group"], of["version"])
            path.write_text(json.dumps({"$ref": REFERENCE + name}))


def write_custom(folder, out):
    for path in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if not document or document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                # The API server knows these: the CRD says "object" only.
                for name in ("apiVersion", "kind", "metadata"):
                    schema.get("properties", {}).pop(name, None)
                schema = closed(schema)
                schema["properties"].update(apiVersion={"type": "string"}, kind={"type": "string"})
                schema["properties"]["metadata"] = {"type": "object"}
                name = file_name(spec["names"]["kind"], spec["group"], version["name"])
                (out / name).write_text(json.dumps(schema))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--swagger", type=pathlib.Path, required=True)
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    write_builtin(options.swagger, options.out)
    for folder in options.folders:
        write_custom(folder, options.out)


main()
