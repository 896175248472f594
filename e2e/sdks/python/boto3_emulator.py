"""boto3 as a client of the emulator, with every operation of the emulator."""

import boto3_control  # noqa: F401
import boto3_converse  # noqa: F401
import boto3_identity  # noqa: F401
import scenario

scenario.run()
