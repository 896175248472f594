#!/usr/bin/env bash
# Moto (5.2.1), with which code for AWS Secrets Manager is tested, lets PutSecretValue give a secret a new value
# while its deletion is scheduled, and reports success; after RestoreSecret the secret has that value. AWS refuses the call
# with InvalidRequestException (API reference of PutSecretValue: "The secret is scheduled for deletion" is one of its causes).
# CreateSecret of such a name fails with ResourceExistsException, where AWS has InvalidRequestException too. So a program
# that stores a secret again under the name of one that was deleted, and takes the first success for the end of it, passes
# its tests, and loses the secret at AWS.
#
# What is run: with boto3, create a secret, schedule its deletion, then CreateSecret, PutSecretValue, GetSecretValue,
# RestoreSecret and GetSecretValue.
#
#   seen with moto 5.2.1, boto3 1.44.8:
#   CreateSecret ResourceExistsException
#   PutSecretValue done
#   GetSecretValue InvalidRequestException
#   RestoreSecret done
#   GetSecretValue second
#
# Exits 0 while it behaves so, and 1 when that has changed. It needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check moto==5.2.1 boto3==1.44.8

cat >again.py <<'PY'
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

@mock_aws
def run():
    client = boto3.client("secretsmanager", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="example")
    client.create_secret(Name="granite", SecretString="first")
    client.delete_secret(SecretId="granite", RecoveryWindowInDays=7)
    for name, call in {
        "CreateSecret": lambda: client.create_secret(Name="granite", SecretString="second"),
        "PutSecretValue": lambda: client.put_secret_value(SecretId="granite", SecretString="second"),
        "GetSecretValue": lambda: client.get_secret_value(SecretId="granite"),
        "RestoreSecret": lambda: client.restore_secret(SecretId="granite"),
        "GetSecretValue ": lambda: client.get_secret_value(SecretId="granite"),
    }.items():
        try:
            print(name.strip(), call().get("SecretString", "done"))
        except ClientError as e:
            print(name.strip(), e.response["Error"]["Code"])
run()
PY
venv/bin/python again.py | tee seen
diff seen - <<'WANT'
CreateSecret ResourceExistsException
PutSecretValue done
GetSecretValue InvalidRequestException
RestoreSecret done
GetSecretValue second
WANT
