"use strict";
// Draws the page: decodes the positions, lets slider and button set the time.
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const clouds = data.clouds;
  const slider = document.getElementById("time");
  const play = document.getElementById("play");
  const now = document.getElementById("now");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const NOWHERE = 65535;

  const trouble = (words) => {
    const line = document.getElementById("trouble");
    line.textContent = words;
    line.hidden = false;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // plotly reads a few tags in texts, and a column may be called <b>
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  // 3-D axes know the tags but no entities
  const harmless = (text) => text.replace(/</g, "\u2039").replace(/>/g, "\u203a");

  async function unpack(text) {
    const binary = atob(text.trim());
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  async function loadPlotly() {
    const code = await unpack(document.getElementById("plotly").textContent);
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(code);
    document.head.append(script);
    return window.Plotly;
  }

  // one column of one cloud, from 16-bit fractions of the picture's side
  function column(fractions, offset, count, low, high) {
    const out = new Array(count);
    for (let i = 0; i < count; i += 1) {
      const f = fractions[offset + i];
      out[i] = f === NOWHERE ? null : low + ((high - low) * f) / (NOWHERE - 1);
    }
    return out;
  }

  function hasWebGL() {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
  }

  const announce = (k) => {
    const time = clouds.times[k] === null ? "" : `, time ${clouds.times[k]}`;
    const step = clouds.steps[k];
    now.textContent = step < 0 ? "source, before the affine map" : `step ${step} of ${data.totalSteps}${time}`;
    slider.setAttribute("aria-valuetext", now.textContent);
  };

  // show(k) draws the frame k; drawing is at most once per frame of the screen
  function control(show) {
    const last = clouds.steps.length - 1;
    let wanted = last;
    let shown = last;
    let busy = false;
    let timer = null;
    const draw = async () => {
      if (busy) return;
      busy = true;
      while (shown !== wanted) {
        shown = wanted;
        await show(shown);
      }
      busy = false;
    };
    const set = (k) => {
      wanted = k;
      slider.value = String(k);
      announce(k);
      draw();
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    };
    play.addEventListener("click", () => {
      if (timer !== null) {
        stop();
        return;
      }
      if (wanted === last) set(0);
      play.textContent = "Pause";
      timer = setInterval(() => {
        if (busy) return;
        if (wanted === last) stop();
        else set(wanted + 1);
      }, 100);
    });
    slider.addEventListener("input", () => {
      if (timer !== null) stop();
      set(Number(slider.value));
    });
    announce(last);
  }

  const font = () => ({ color: colour("--ink"), family: "system-ui, DejaVu Sans, sans-serif" });
  const clear = "rgba(0,0,0,0)";
  const lines = () => ({ gridcolor: colour("--line"), zerolinecolor: colour("--line"), linecolor: colour("--faint") });

  async function drawCloud(Plotly) {
    const place = document.getElementById("cloud");
    const positions = new Uint16Array(await unpack(clouds.positions));
    const target = new Uint16Array(await unpack(clouds.target));
    const gl = hasWebGL();
    const solid = clouds.dim === 3 && gl;
    if (clouds.dim === 3 && !gl) trouble("This browser has no WebGL: the particles are drawn in the plane of the first and the last column.");
    const axes = clouds.dim === 3 && !solid ? [0, 2] : [...Array(clouds.dim).keys()];
    const keys = ["x", "y", "z"];
    const cloud = (fractions, start, count) => {
      const points = {};
      axes.forEach((axis, i) => {
        points[keys[i]] = column(fractions, start + axis * count, count, clouds.low[axis], clouds.high[axis]);
      });
      return points;
    };
    const frame = (k) => cloud(positions, k * clouds.dim * clouds.count, clouds.count);
    // svg draws a few points best, and thousands only slowly
    const kind = solid ? "scatter3d" : gl && clouds.count > 600 ? "scattergl" : "scatter";
    const many = clouds.count > 1500;
    const size = solid ? (many ? 1.6 : 3) : many ? 3 : 6;
    const style = () => [
      { color: colour("--particles"), size, opacity: 0.65, line: { width: 0 } },
      { color: colour("--target"), size: solid ? 2.8 : 6, symbol: solid ? "diamond" : "x", opacity: 0.9, line: { width: 0 } },
    ];
    const markers = style();
    const traces = [
      { ...frame(clouds.steps.length - 1), name: "particles", marker: markers[0] },
      { ...cloud(target, 0, clouds.targetCount), name: "target", marker: markers[1] },
    ].map((trace) => ({ type: kind, mode: "markers", hoverinfo: keys.slice(0, axes.length).join("+"), ...trace }));
    const axisOf = (axis) => ({
      title: { text: (solid ? harmless : escaped)(clouds.names[axis]) }, range: [clouds.low[axis], clouds.high[axis]], autorange: false, ...lines(),
    });
    const sides = axes.map((axis) => clouds.high[axis] - clouds.low[axis]);
    const alike = Math.max(...sides) < 2 * Math.min(...sides);
    const layout = () => {
      const shared = {
        paper_bgcolor: clear, plot_bgcolor: clear, font: font(), uirevision: "kept",
        modebar: { bgcolor: clear, color: colour("--faint"), activecolor: colour("--ink") },
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", itemsizing: "constant" },
        margin: solid ? { l: 0, r: 0, t: 30, b: 0 } : { l: 60, r: 15, t: 35, b: 50 },
      };
      if (!solid) {
        const y = axisOf(axes[1]);
        if (alike) Object.assign(y, { scaleanchor: "x", constrain: "domain" });
        return { ...shared, xaxis: { ...axisOf(axes[0]), constrain: "domain" }, yaxis: y };
      }
      const away = window.innerWidth > 700 ? 1 : 1.3;
      const scene = { aspectmode: alike ? "data" : "cube", camera: { eye: { x: 0.55 * away, y: -1.8 * away, z: 0.45 * away }, center: { x: 0, y: 0, z: -0.12 } }, uirevision: "kept" };
      axes.forEach((axis, i) => { scene[`${keys[i]}axis`] = { ...axisOf(axis), backgroundcolor: clear }; });
      return { ...shared, scene };
    };
    const buttons = ["toImage", ...(solid ? ["orbitRotation", "zoom3d", "pan3d", "resetCameraDefault3d"] : ["zoom2d", "pan2d", "resetScale2d"])];
    await Plotly.newPlot(place, traces, layout(), {
      responsive: true, displaylogo: false, displayModeBar: window.innerWidth > 700, modeBarButtons: [buttons],
    });
    control((k) => {
      const points = frame(k);
      const update = {};
      Object.keys(points).forEach((key) => { update[key] = [points[key]]; });
      return Plotly.restyle(place, update, [0]);
    });
    return () => {
      const [a, b] = style();
      const camera = solid ? place.layout.scene.camera : null;
      const next = layout();
      if (camera) next.scene.camera = camera;
      return Plotly.restyle(place, { "marker.color": [a.color, b.color] }, [0, 1]).then(() => Plotly.relayout(place, next));
    };
  }

  function drawCurves(Plotly) {
    const places = [...document.querySelectorAll(".curve")];
    const layout = (curve) => {
      const known = curve.values.filter((v) => v !== null);
      const above = known.filter((v) => v > 0);
      // late values waver around 0; a logarithmic axis leaves gaps there
      const log = above.length > 0.5 * known.length && Math.max(...above) > 10 * Math.min(...above);
      const gaps = log && above.length < known.length ? "; gaps: not above 0" : "";
      return {
        title: { text: escaped(curve.title) + gaps, font: { size: 14 }, x: 0, xref: "paper" },
        paper_bgcolor: clear, plot_bgcolor: clear, font: font(), margin: { l: 55, r: 10, t: 35, b: 45 }, showlegend: false,
        xaxis: { title: { text: "time (working units squared per nat)", font: { size: 12 } }, zeroline: false, ...lines() },
        yaxis: { type: log ? "log" : "linear", exponentformat: "power", dtick: log ? 1 : undefined, ...lines() },
      };
    };
    const draw = () => Promise.all(places.map((place, i) => {
      const curve = data.history[i];
      const trace = { x: curve.time, y: curve.values, mode: "lines", line: { color: colour("--particles"), width: 1.6 } };
      return Plotly.react(place, [trace], layout(curve), { responsive: true, displayModeBar: false });
    }));
    draw();
    return draw;
  }

  if (data.images && clouds !== null) {
    const picture = document.getElementById("picture");
    control((k) => { picture.src = `data:image/png;base64,${clouds.pictures[k]}`; });
  }
  if (typeof DecompressionStream === "undefined") {
    trouble("This browser is too old to unpack the interactive pictures; the folder's figures/*.png show the same.");
    return;
  }
  const Plotly = await loadPlotly();
  const redraw = [drawCurves(Plotly)];
  if (!data.images && clouds !== null) redraw.push(await drawCloud(Plotly));
  dark.addEventListener("change", () => redraw.forEach((draw) => draw()));
  document.documentElement.dataset.ready = "true";
})();
