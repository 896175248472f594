"""Validates YAML files (from the second argument on) by a JSON Schema (the first), and prints what is wrong."""

import sys

import jsonschema
import yaml

schema = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    for error in validator.iter_errors(yaml.safe_load(open(path, encoding="utf-8"))):
        print(f"{path}: {error.json_path}: {error.message[:200]}")
