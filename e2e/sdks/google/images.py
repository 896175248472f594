"""Asks for images by Google's SDK, and prints what it reads: how the SDK writes requests is the measure of others'.

The arguments are the address of Google AI Studio and Vertex AI, an image, and a mask. The SDK asks for images of Imagen on
Vertex AI only.
"""

import base64
import json
import sys

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

base = types.HttpOptions(base_url=sys.argv[1])
PNG = base64.b64decode(sys.argv[2])
MASK = base64.b64decode(sys.argv[3])
studio = genai.Client(api_key="unused", http_options=base)
vertex = genai.Client(vertexai=True, project="rocks-1", location="us-central1", credentials=Credentials(token="unused"), http_options=base)


def encoded(images):
    return [base64.b64encode(i).decode() for i in images]


def parts(r):
    return encoded(p.inline_data.data for p in r.candidates[0].content.parts if p.inline_data)


read = []
config = types.GenerateImagesConfig(number_of_images=3, aspect_ratio="9:16", include_rai_reason=True, output_mime_type="image/jpeg")
r = vertex.models.generate_images(model="imagen-4.0-generate-001", prompt="granite", config=config)
read.append(encoded(g.image.image_bytes for g in r.generated_images))
r = vertex.models.edit_image(
    model="imagen-3.0-capability-001",
    prompt="more granite",
    reference_images=[
        types.RawReferenceImage(reference_id=1, reference_image=types.Image(image_bytes=PNG)),
        types.MaskReferenceImage(reference_id=2, reference_image=types.Image(image_bytes=MASK), config=types.MaskReferenceConfig(mask_mode="MASK_MODE_USER_PROVIDED")),
    ],
    config=types.EditImageConfig(number_of_images=1, include_rai_reason=True, edit_mode="EDIT_MODE_INPAINT_INSERTION"),
)
read.append(encoded(g.image.image_bytes for g in r.generated_images))
config = types.GenerateContentConfig(response_modalities=["IMAGE", "TEXT"], image_config=types.ImageConfig(aspect_ratio="16:9"))
read.append(parts(studio.models.generate_content(model="gemini-2.5-flash-image", contents="granite", config=config)))
config = types.GenerateContentConfig(response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="1:1", image_size="2K"))
read.append(parts(vertex.models.generate_content(model="gemini-3-pro-image", contents="granite", config=config)))
print(json.dumps(read))
