// Images and documents; the emulated model reports what it received, with the size.

import { chat } from "./gateway.mjs";
import { pdf, png, uri } from "./media.mjs";
import { need, scenario } from "./scenario.mjs";

const ask = (part) => chat([{ role: "user", content: [{ type: "text", text: "What is this?" }, part] }]);

scenario("an image reaches the model whole", async () => {
  const image = png();
  const r = await ask({ type: "image_url", image_url: { url: uri("image/png", image) } });
  need(r.choices[0].message.content.includes(`an image (png, ${image.length} bytes)`), r);
});

scenario("a PDF reaches the model whole, with its name", async () => {
  const r = await ask({ type: "file", file: { filename: "geology.pdf", file_data: uri("application/pdf", pdf) } });
  need(r.choices[0].message.content.includes(`the document "geology" (pdf, ${pdf.length} bytes)`), r);
});
