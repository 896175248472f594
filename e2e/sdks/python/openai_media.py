"""Images and documents; the emulated model reports what it received, with the size."""

from gateway import chat
from media import PDF, png, uri
from scenario import need, scenario


@scenario("an image reaches the model whole")
def _():
    image = png()
    r = chat([{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri("image/png", image)}}]}])
    need(f"an image (png, {len(image)} bytes)" in r.choices[0].message.content, r)


@scenario("a PDF reaches the model whole, with its name")
def _():
    r = chat([{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "file", "file": {"filename": "geology.pdf", "file_data": uri("application/pdf", PDF)}}]}])
    need(f'the document "geology" (pdf, {len(PDF)} bytes)' in r.choices[0].message.content, r)
