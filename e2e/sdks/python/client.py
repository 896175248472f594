"""Shared parts of the client programs: the gateway's address and the prompts.

BASE_URL is the gateway's address, API_KEY its key, MODEL the name of a model that
thinks, calls tools and follows schemas, EMBEDS and RERANKS those of models for
embeddings and rerank.

A scenario's name is a feature, a colon and the calls of the client that show it.
"""

import os
import time
import urllib.request

from pydantic import BaseModel
from scenario import Wrong, need

URL = os.environ["BASE_URL"]
KEY = os.environ["API_KEY"]
MODEL = os.environ["MODEL"]
EMBEDS = os.environ["EMBEDS"]
RERANKS = os.environ["RERANKS"]

HELLO = "What is granite?"
WEATHER = "What is the weather in Paris and Tokyo?"
DESCRIBE = "Describe granite, of hardness 7."
LONG = "[[words: 60]]"
BREAKS = "[[fault: internal after=3]] [[words: 60]]"
THROTTLED = "[[fault: throttle]]"
DENIED = "[[fault: denied]]"  # no client retries it
ENDLESS = "[[fault: rate=10]] [[words: 5000]]"

# What is embedded: the vector of a text is the same alone and among others.
ROCKS = ["granite", "Hello world", "slate"]
HELLO_TOKENS = [9906, 1917]  # "Hello world" in cl100k_base
QUERY, DOCUMENTS = "hard rock", ["water is wet", "granite is a hard rock", "clouds"]


def alike(a, b):
    """Checks that two vectors are equal, as far as 32 bits go."""
    need(len(a) == len(b) and all(abs(x - y) < 1e-6 for x, y in zip(a, b)), a[:4], b[:4])


class Stone(BaseModel):
    """A stone."""

    name: str
    hardness: int


def weather(city):
    """The answer of every tool in the programs."""
    return f"sunny in {city}"


def answered(text):
    """Checks the last answer of a tool loop, which must mention both cities."""
    need("sunny in Paris" in text and "sunny in Tokyo" in text, text)


def leaves(leave):
    """Runs a function that abandons a stream, and waits until the gateway notices."""
    before = gone()
    leave()
    arrives(before)


def arrives(before):
    """Waits until the gateway has counted another disconnected client."""
    end = time.monotonic() + 120
    while gone() == before:
        if time.monotonic() > end:
            raise Wrong("the gateway continues answering")
        time.sleep(0.02)


def gone():
    """The gateway's count of disconnected clients."""
    request = urllib.request.Request(URL + "/metrics", headers={"Authorization": "Bearer " + KEY})
    with urllib.request.urlopen(request, timeout=120) as r:
        lines = r.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("outcrop_requests_total{") and 'status="499"' in line)
