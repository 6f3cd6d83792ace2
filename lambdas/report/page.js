"use strict";

(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)").matches;

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function look() {
    const axis = {
      automargin: true,
      ticklabelstandoff: 6,
      title: { font: { size: 13, color: style("--soft") } },
      gridcolor: style("--grid"),
      linecolor: style("--line"),
      zerolinecolor: style("--line"),
      // A finger on a figure is to scroll the page.
      fixedrange: touch,
    };
    const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: style("--ink") };
    return {
      layout: {
        font,
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        margin: { l: 48, r: 24, t: 16, b: 48 },
        legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", font: { size: 12 } },
        hoverlabel: { bgcolor: style("--card"), bordercolor: style("--line"), font, align: "left" },
        hovermode: "closest",
        dragmode: touch ? false : "zoom",
        xaxis: axis,
        yaxis: axis,
      },
    };
  }

  function draw(place) {
    const figure = JSON.parse(place.nextElementSibling.textContent);
    const layout = { ...figure.layout, template: look() };
    Plotly.newPlot(place, figure.data, layout, { responsive: true, displayModeBar: false });
  }

  const places = document.querySelectorAll(".figure");
  places.forEach(draw);
  dark.addEventListener("change", () => places.forEach((place) => Plotly.relayout(place, { template: look() })));
})();
