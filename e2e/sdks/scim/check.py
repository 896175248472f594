"""Runs scim2-tester against the gateway at SCIM_URL, with the key SCIM_KEY, and prints a line of JSON for each check.

A check is passed unless the tester says that the gateway deviates from what RFC 7643 and 7644 require or recommend.
"""

import json
import os

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

wrong = (Status.DEVIATION, Status.ERROR, Status.CRITICAL)
with httpx2.Client(base_url=os.environ["SCIM_URL"], headers={"Authorization": "Bearer " + os.environ["SCIM_KEY"]}, timeout=60) as http:
    for n, r in enumerate(check_server(SyncSCIMClient(http))):
        seen = f"{r.status.name}: {r.reason}"
        print(json.dumps({"name": f"{n} {r.title} {r.resource_type or ''}", "ok": r.status not in wrong, "seen": seen}))
