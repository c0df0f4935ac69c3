// Draws the curves when they come into view. The data is in the page; nothing is loaded.
(() => {
  "use strict";
  const scenarios = JSON.parse(document.getElementById("curves").textContent);
  const HEIGHT = 170;
  const POWERS = Array.from({ length: 50 }, (_, power) => 2 ** power);
  const WHOLE = Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  function bytes(value) {
    const sign = value < 0 ? "-" : "";
    let size = Math.abs(value);
    for (const unit of ["B", "KiB", "MiB", "GiB"]) {
      if (size < 1024 || unit === "GiB") {
        return `${sign}${Number(size.toFixed(2))} ${unit}`;
      }
      size /= 1024;
    }
  }

  const format = (unit) => (value) =>
    value === null || value === undefined ? "-" : unit === "bytes" ? bytes(value) : String(Number(value.toFixed(3)));

  function values(steps) {
    let sum = 0;
    return steps.map((step) => (step === null ? null : (sum += step)));
  }

  // The warm-up in grey, the gates as dashed lines. What lies outside the picture is cut off.
  function marks(curve, last) {
    return (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.fillStyle = colour("warmup");
      const start = plot.valToPos(0, "x", true);
      ctx.fillRect(bbox.left, bbox.top, start - bbox.left, bbox.height);
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      for (const line of curve.lines) {
        ctx.strokeStyle = colour(line.kind);
        ctx.beginPath();
        if (line.at === undefined) {
          ctx.moveTo(start, plot.valToPos(line.from, "y", true));
          ctx.lineTo(plot.valToPos(last, "x", true), plot.valToPos(line.to, "y", true));
        } else {
          // Between two points.
          const at = plot.valToPos(line.at - 0.5, "x", true);
          ctx.moveTo(at, bbox.top);
          ctx.lineTo(at, bbox.top + bbox.height);
        }
        ctx.stroke();
      }
      ctx.restore();
    };
  }

  function legend(figure, curve, low, high) {
    figure.querySelector(".marks")?.remove();
    if (curve.lines.length === 0) return;
    const list = document.createElement("div");
    list.className = "marks";
    for (const line of curve.lines) {
      const item = document.createElement("span");
      item.className = line.kind;
      item.append(document.createElement("i"), line.label);
      const outside = Math.min(line.from, line.to) > high || Math.max(line.from, line.to) < low;
      if (outside) item.append(" (beyond the picture)");
      list.append(item);
    }
    figure.append(list);
  }

  // What a point is called: a run by its commit, a cycle by its number.
  const point = (scenario, x) => scenario.labels?.[x - 1] ?? (x > 0 ? String(x) : "warm-up");

  function axis(extra) {
    return { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, ...extra };
  }

  function draw(figure) {
    drawn.get(figure)?.destroy();
    const scenario = scenarios[figure.dataset.scenario];
    const curve = scenario.curves[figure.dataset.curve];
    const show = format(curve.unit);
    const last = scenario.cycles[scenario.cycles.length - 1];
    const options = {
      width: figure.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false } },
      cursor: { drag: { x: false, y: false } },
      legend: { live: true },
      axes: [axis({}), axis({ size: 72, incrs: curve.unit === "bytes" ? POWERS : WHOLE, values: (_, ticks) => ticks.map(show) })],
      series: [
        { label: scenario.counts ?? "cycle", value: (_, cycle) => (cycle === null ? "-" : point(scenario, cycle)) },
        { label: curve.name, stroke: colour("curve"), width: 1.5, points: { show: false }, value: (_, value) => show(value) },
      ],
      hooks: {
        draw: [marks(curve, last)],
        ready: [(plot) => legend(figure, curve, plot.scales.y.min, plot.scales.y.max)],
      },
    };
    const plot = new uPlot(options, [scenario.cycles, curve.values ?? values(curve.steps)], figure);
    drawn.set(figure, plot);
  }

  const figures = [...document.querySelectorAll("figure[data-curve]")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
    }
  }, { rootMargin: "400px" });
  figures.forEach((figure) => seen.observe(figure));

  const again = () => [...drawn.keys()].forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone's address bar
    width = innerWidth;
    again();
  });
  addEventListener("beforeprint", () => {
    figures.filter((figure) => !drawn.has(figure) && figure.checkVisibility()).forEach(draw);
  });
  // A link to a folded scenario opens it.
  const open = () => document.querySelector(location.hash || "#none")?.setAttribute("open", "");
  addEventListener("hashchange", open);
  open();
})();
