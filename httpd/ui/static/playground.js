// The playground: chats with one model or two. What a model says is shown as text, never as HTML.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const play = $("play"), lanes = [...document.querySelectorAll(".lane")];
  const talks = lanes.map(() => []);
  let files = [], abort = null;

  const make = (tag, kind, text) => {
    const e = document.createElement(tag);
    if (kind) e.className = kind;
    if (text) e.textContent = text;
    return e;
  };
  const number = (id) => { const v = parseFloat($(id).value); return Number.isFinite(v) ? v : undefined; };
  const request = (lane, messages) => {
    const body = {model: lanes[lane].querySelector(".model").value.trim(), messages: messages};
    const system = $("system").value.trim();
    if (system) body.messages = [{role: "system", content: system}, ...messages];
    body.temperature = number("temperature");
    body.max_tokens = number("max");
    if ($("effort").value) body.reasoning_effort = $("effort").value;
    if ($("tools").value.trim()) body.tools = JSON.parse($("tools").value);
    if ($("stream").checked) { body.stream = true; body.stream_options = {include_usage: true}; }
    return body;
  };

  // Each event of a stream is a line that begins with "data: ".
  const events = async (body, each) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: ") || line.startsWith("data: [DONE]")) continue;
        each(JSON.parse(line.slice(6)));
      }
    }
  };

  const say = async (lane) => {
    const talk = lanes[lane].querySelector(".talk"), figures = lanes[lane].querySelector(".figures");
    const box = make("div", "msg assistant"), thought = make("details"), text = make("div"), calls = make("div");
    thought.append(make("summary", "", "Reasoning"), make("div"));
    thought.hidden = true;
    box.append(thought, text, calls);
    talk.append(box);
    figures.textContent = "…";
    const began = performance.now();
    let first = 0, answer = "", usage = null, cost = null, tools = [];
    const part = (m) => {
      if (!m) return;
      if (!first && (m.content || m.reasoning_content || m.tool_calls)) first = performance.now() - began;
      if (m.reasoning_content) { thought.hidden = false; thought.lastElementChild.textContent += m.reasoning_content; }
      if (m.content) { answer += m.content; text.textContent = answer; }
      for (const t of m.tool_calls || []) {
        const at = t.index || 0;
        tools[at] = tools[at] || {id: t.id, type: "function", function: {name: "", arguments: ""}};
        tools[at].function.name += t.function.name || "";
        tools[at].function.arguments += t.function.arguments || "";
        calls.replaceChildren(...tools.filter(Boolean).map((c) => make("pre", "", c.function.name + "(" + c.function.arguments + ")")));
      }
      talk.scrollTop = talk.scrollHeight;
    };
    try {
      const body = request(lane, talks[lane]);
      const got = await fetch("/ui/playground/chat", {method: "POST", signal: abort.signal, headers: {"Content-Type": "application/json", "X-Csrf-Token": document.body.dataset.csrf}, body: JSON.stringify(body)});
      cost = got.headers.get("x-litellm-response-cost");
      if (!got.ok) {
        const e = (await got.json()).error || {};
        throw new Error([e.message || got.statusText, e.fix].filter(Boolean).join("\n"));
      }
      if ((got.headers.get("content-type") || "").startsWith("text/event-stream")) {
        await events(got.body, (e) => {
          if (e.error) throw new Error(e.error.message);
          if (e.usage) usage = e.usage;
          if (e.choices && e.choices[0]) part(e.choices[0].delta);
        });
      } else {
        const e = await got.json();
        usage = e.usage;
        part(e.choices[0].message);
      }
      const message = {role: "assistant", content: answer};
      if (tools.length) message.tool_calls = tools.filter(Boolean);
      talks[lane].push(message);
    } catch (e) {
      if (e.name !== "AbortError") box.classList.add("failed");
      text.textContent = answer + (e.name === "AbortError" ? " (stopped)" : (answer ? "\n" : "") + e.message);
      talks[lane].pop();
    }
    const took = performance.now() - began, out = usage && usage.completion_tokens;
    if (usage && usage.cost != null) cost = usage.cost;
    const words = ["first token " + Math.round(first || took) + " ms", "whole " + (took / 1000).toFixed(2) + " s"];
    if (out) words.push(out + " tokens", (out / (Math.max(took - (first < took ? first : 0), 1) / 1000)).toFixed(0) + " tokens/s");
    if (cost != null && Number(cost) > 0) words.push("$" + Number(cost).toFixed(6));
    figures.textContent = words.join(" · ");
  };

  const read = (file) => new Promise((ok, no) => {
    const r = new FileReader();
    r.onload = () => ok(file.type.startsWith("image/") ? {type: "image_url", image_url: {url: r.result}} : {type: "file", file: {filename: file.name, file_data: r.result}});
    r.onerror = () => no(r.error);
    r.readAsDataURL(file);
  });

  const code = () => {
    let body;
    try { body = request(0, talks[0].length ? talks[0] : [{role: "user", content: $("prompt").value || "Hello"}]); } catch (e) { $("code").textContent = "Tools: " + e.message; return; }
    const key = play.dataset.locked === "true" ? " -H \"Authorization: Bearer $OUTCROP_KEY\"" : "";
    $("code").textContent = "curl -s " + play.dataset.address + "/v1/chat/completions" + key + " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + JSON.stringify(body, null, 2).replaceAll("'", "'\\''") + "'";
  };

  $("ask").addEventListener("submit", async (e) => {
    e.preventDefault();
    if (abort) return;
    const text = $("prompt").value;
    let content = text;
    if (files.length) content = [{type: "text", text: text}, ...await Promise.all(files.map(read))];
    abort = new AbortController();
    $("stop").hidden = false;
    $("prompt").value = "";
    const used = lanes.map((l, i) => i).filter((i) => !lanes[i].hidden);
    for (const i of used) {
      talks[i].push({role: "user", content: content});
      lanes[i].querySelector(".talk").append(make("div", "msg user", text + (files.length ? "\n" + files.map((f) => f.name).join(", ") : "")));
    }
    files = [];
    $("files").value = "";
    $("attached").textContent = "";
    await Promise.all(used.map(say));
    abort = null;
    $("stop").hidden = true;
    code();
    $("prompt").focus();
  });
  $("prompt").addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); $("ask").requestSubmit(); } });
  $("stop").addEventListener("click", () => abort && abort.abort());
  $("files").addEventListener("change", (e) => { files = [...e.target.files]; $("attached").textContent = files.map((f) => f.name).join(", "); });
  $("side").addEventListener("click", () => { const on = lanes[1].hidden; lanes[1].hidden = !on; $("side").setAttribute("aria-pressed", on); });
  $("clear").addEventListener("click", () => { talks.forEach((t) => { t.length = 0; }); lanes.forEach((l) => { l.querySelector(".talk").replaceChildren(); l.querySelector(".figures").textContent = ""; }); code(); });
  play.addEventListener("input", code);
  code();
})();
