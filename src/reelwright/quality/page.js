"use strict";
// The hover readout: a cursor that runs through every plot of a shot at once.
for (const group of document.querySelectorAll(".plots")) {
  const plots = [...group.querySelectorAll(".plot")].map((figure) => ({
    rate: Number(figure.dataset.rate),
    frames: Number(figure.dataset.frames),
    unit: figure.dataset.unit,
    area: figure.querySelector(".area"),
    cursor: figure.querySelector(".cursor"),
    output: figure.querySelector("output"),
    lines: [...figure.querySelectorAll("data")].map((data) => {
      const values = data.value.split(",");
      const start = Number(data.dataset.start), step = Number(data.dataset.step);
      const at = data.dataset.at ? data.dataset.at.split(",").map(Number)
        : values.map((_, index) => start + index * step);
      return { name: data.dataset.name, values, at };
    }),
  }));
  const nearest = (at, frame) => {
    let low = 0, high = at.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at[middle] <= frame) low = middle; else high = middle;
    }
    return Math.abs(at[high] - frame) < Math.abs(at[low] - frame) ? high : low;
  };
  const show = (share) => {
    for (const plot of plots) {
      const frame = Math.round(share * (plot.frames - 1));
      plot.cursor.hidden = false;
      plot.cursor.style.left = `${(100 * frame) / Math.max(plot.frames - 1, 1)}%`;
      const values = plot.lines.map((line) => line.values[nearest(line.at, frame)] || "–");
      const time = (frame / plot.rate).toFixed(2);
      plot.output.textContent = `${values.join(" / ")} ${plot.unit} · frame ${frame}, ${time} s`;
    }
  };
  const hide = () => {
    for (const plot of plots) {
      plot.cursor.hidden = true;
      plot.output.textContent = "";
    }
  };
  for (const plot of plots) {
    plot.area.addEventListener("pointermove", (event) => {
      const box = plot.area.getBoundingClientRect();
      show(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    });
    plot.area.addEventListener("pointerleave", hide);
  }
}
