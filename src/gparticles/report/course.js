"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("film");
  const slider = document.getElementById("time");
  const output = document.getElementById("when");
  const button = document.getElementById("play");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const unit = data.unit ? " " + data.unit : "";
  let timer = null;

  slider.max = String(data.times.length - 1);

  function place(point, width, height) {
    const margin = 34;
    return [margin + point[0] * (width - 2 * margin), height - margin - point[1] * (height - 2 * margin)];
  }

  function nearest(time) {
    return data.snapshots.reduce((best, one) =>
      Math.abs(one.time - time) < Math.abs(best.time - time) ? one : best);
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const frame = Number(slider.value), time = data.times[frame], snapshot = nearest(time);
    pen.strokeStyle = colour("--line");
    for (const other of data.snapshots) {
      for (const point of other.cells) {
        const [x, y] = place(point, width, height);
        pen.strokeRect(x, y, 1, 1);
      }
    }
    pen.strokeStyle = colour("--target");
    for (const point of snapshot.cells) {
      const [x, y] = place(point, width, height);
      pen.beginPath();
      pen.moveTo(x - 3, y - 3); pen.lineTo(x + 3, y + 3);
      pen.moveTo(x - 3, y + 3); pen.lineTo(x + 3, y - 3);
      pen.stroke();
    }
    pen.fillStyle = colour("--particles");
    pen.globalAlpha = 0.75;
    for (const point of data.cells[frame]) {
      const [x, y] = place(point, width, height);
      pen.beginPath();
      pen.arc(x, y, 3, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
    pen.fillStyle = colour("--faint");
    pen.font = "13px system-ui, sans-serif";
    pen.fillText(data.names[0], width / 2 - 30, height - 8);
    pen.save();
    pen.translate(14, height / 2 + 30);
    pen.rotate(-Math.PI / 2);
    pen.fillText(data.names[1], 0, 0);
    pen.restore();
    output.textContent = Number(time.toPrecision(6)) + unit +
      " (crosses: snapshot of " + snapshot.time + unit + ")";
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }

  button.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    button.textContent = "Stop";
    if (Number(slider.value) === data.times.length - 1) { slider.value = "0"; }
    timer = setInterval(() => {
      if (Number(slider.value) >= data.times.length - 1) { stop(); return; }
      slider.value = String(Number(slider.value) + 1);
      draw();
    }, 90);
  });
  slider.addEventListener("input", draw);
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  document.documentElement.dataset.ready = "true";
})();
