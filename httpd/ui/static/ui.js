// What pages do beside htmx: tabs, copying, questions before a change, calls as they come, and the plot.
"use strict";
(() => {
  const each = (root, what, f) => root.querySelectorAll(what).forEach(f);

  document.addEventListener("click", (e) => {
    const copy = e.target.closest("[data-copy]");
    if (copy) {
      const text = copy.parentElement.querySelector("code").textContent;
      const say = (word) => { copy.textContent = word; setTimeout(() => { copy.textContent = "Copy"; }, 1500); };
      const byHand = () => { getSelection().selectAllChildren(copy.parentElement.querySelector("code")); say("Press Ctrl+C"); };
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => say("Copied"), byHand); else byHand();
      return;
    }
    const tab = e.target.closest("[role=tab]");
    if (tab) choose(tab);
    const pause = e.target.closest("[data-pause]");
    if (pause) hold(pause.getAttribute("aria-pressed") !== "true");
    const plot = e.target.closest("[data-plot]");
    if (plot) draw(plot.dataset.plot);
  });

  document.addEventListener("submit", (e) => {
    const ask = e.target.dataset.ask;
    if (ask && !confirm(ask)) e.preventDefault();
  });

  // Tabs: the arrow keys go from one to the next.
  const choose = (tab) => {
    each(tab.parentElement, "[role=tab]", (t) => {
      const on = t === tab;
      t.setAttribute("aria-selected", on);
      t.tabIndex = on ? 0 : -1;
      document.getElementById(t.getAttribute("aria-controls")).hidden = !on;
    });
  };
  document.addEventListener("keydown", (e) => {
    const tab = e.target.closest && e.target.closest("[role=tab]");
    if (!tab || (e.key !== "ArrowRight" && e.key !== "ArrowLeft")) return;
    const all = [...tab.parentElement.querySelectorAll("[role=tab]")];
    const next = all[(all.indexOf(tab) + (e.key === "ArrowRight" ? 1 : all.length - 1)) % all.length];
    choose(next);
    next.focus();
  });

  // Calls as they come. While the page is hidden or paused, nothing is asked for; what was missed comes with the next event.
  let source = null, paused = false;
  const state = (word, kind) => {
    const p = document.getElementById("livestate");
    if (!p) return;
    p.firstElementChild.className = "dot " + kind;
    p.lastElementChild.textContent = word;
  };
  const close = () => { if (source) { source.close(); source = null; } };
  const open = () => {
    close();
    const live = document.getElementById("live");
    if (!live || paused || document.hidden) return;
    const address = new URL(live.dataset.live, location.href);
    if (live.dataset.last) address.searchParams.set("after", live.dataset.last);
    source = new EventSource(address);
    source.onopen = () => state("Live", "good");
    source.onerror = () => state(source && source.readyState === EventSource.CLOSED ? "Not connected; load the page again" : "Connecting", "warn");
    source.onmessage = (e) => {
      live.dataset.last = e.lastEventId;
      const rows = live.querySelector("[data-rows]");
      rows.insertAdjacentHTML("afterbegin", e.data);
      live.querySelector("[data-empty]").hidden = true;
      for (let n = rows.children.length; n > Number(live.dataset.most); n--) rows.lastElementChild.remove();
    };
  };
  const hold = (on) => {
    paused = on;
    const b = document.querySelector("[data-pause]");
    b.setAttribute("aria-pressed", on);
    b.textContent = on ? "Continue" : "Pause";
    if (on) { close(); state("Paused", "warn"); } else open();
  };
  document.addEventListener("visibilitychange", open);
  document.addEventListener("htmx:afterSettle", (e) => { if (e.detail.target.id === "live" || e.detail.elt.id === "live") { paused = false; open(); } });
  addEventListener("pagehide", close);

  // The plot of usage.
  let plot = null, kind = "cost";
  const color = (n) => getComputedStyle(document.documentElement).getPropertyValue("--" + n).trim();
  const draw = (what) => {
    const box = document.getElementById("plot");
    if (!box || !window.uPlot) return;
    kind = what || kind;
    each(document, "[data-plot]", (b) => b.setAttribute("aria-pressed", b.dataset.plot === kind));
    const data = JSON.parse(box.dataset.series);
    const name = (v) => kind === "cost" ? "$" + v.toLocaleString("en", {maximumFractionDigits: 6}) : v.toLocaleString("en");
    const axis = {stroke: color("muted"), grid: {stroke: color("line"), width: 1}, ticks: {stroke: color("line"), width: 1}};
    const values = document.getElementById("values");
    const say = (at) => {
      values.textContent = at == null ? values.dataset.hint : new Date(data.days[at] * 1e3).toISOString().slice(0, 10) + ": " + data.series.map((s) => s.name + " " + name(s[kind][at])).join(" · ");
    };
    // What is zoomed to becomes the range of the form, for the tables and the exports.
    const range = (lo, hi) => {
      const seen = data.days.filter((d) => d >= lo && d <= hi), form = document.querySelector("form[action='/ui/usage']");
      if (!seen.length || !form) return;
      form.elements.from.value = new Date(seen[0] * 1e3).toISOString().slice(0, 10);
      form.elements.to.value = new Date(seen[seen.length - 1] * 1e3).toISOString().slice(0, 10);
    };
    if (plot) plot.destroy();
    plot = new uPlot({
      width: box.clientWidth, height: 270, legend: {show: false}, hooks: {setCursor: [(u) => say(u.cursor.idx)], setScale: [(u, key) => { if (key === "x") range(u.scales.x.min, u.scales.x.max); }]}, tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "Etc/UTC"),
      scales: {y: {range: (u, lo, hi) => [0, hi > 0 ? hi * 1.1 : 1]}},
      axes: [{...axis, values: (u, ticks) => ticks.map((t) => new Date(t * 1e3).toISOString().slice(5, 10)), incrs: [1, 2, 7, 14, 30, 60].map((d) => d * 86400)}, {...axis, size: 76, values: (u, ticks) => ticks.map(name)}],
      series: [{label: "Day", value: (u, v) => v == null ? "" : new Date(v * 1e3).toISOString().slice(0, 10)}].concat(data.series.map((s, i) => ({label: s.name, stroke: color("c" + (i % 7 + 1)), width: 2, points: {show: true, size: 6}, value: (u, v) => v == null ? "" : name(v)}))),
    }, [data.days].concat(data.series.map((s) => s[kind])), box);
  };
  addEventListener("resize", () => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

  open();
  draw();
})();
