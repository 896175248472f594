"""What the programs share: where the gateway is, and what they ask.

The AWS SDK reads the address and the credentials from the environment, as a user sets them. MODEL is
the name of a model that calls tools.
"""

import os

MODEL = os.environ["MODEL"]
REGION = "us-east-1"
HELLO = "What is granite?"
LONG = "[[words: 60]]"
WEATHER = "What is the weather in Paris and Tokyo?"
BREAKS = "[[fault: cut=reset after=3]] [[words: 60]]"
DENIED = "[[fault: denied]]"


def weather(city):
    """What every tool answers."""
    return f"sunny in {city}"
