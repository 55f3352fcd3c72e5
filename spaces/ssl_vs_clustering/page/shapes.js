// Colours that colour-blind people tell apart (after Okabe and Ito), each with a shape of its own: 64 pairs.
window.hfSsl ??= {};

/** How many colours and shapes there are; colours.css has the colours, as .colour-0 to .colour-7. */
hfSsl.colours = 8;

/** Outlines of about the same area around (0, 0), a unit in radius. */
hfSsl.outlines = [
  "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
  "M-.89-.89H.89V.89H-.89Z",
  "M0-1.25L1.15.85H-1.15Z",
  "M0-1.3L1.15 0L0 1.3L-1.15 0Z",
  "M0 1.25L1.15-.85H-1.15Z",
  "M-.4-1.25H.4V-.4H1.25V.4H.4V1.25H-.4V.4H-1.25V-.4H-.4Z",
  "M0-.6L.65-1.2L1.2-.65L.6 0L1.2.65L.65 1.2L0 .6L-.65 1.2L-1.2.65L-.6 0L-1.2-.65L-.65-1.2Z",
  "M.58-1H-.58L-1.15 0L-.58 1H.58L1.15 0Z",
];

/** The outline of group i; what has no group is a circle. */
hfSsl.outline = (i) => hfSsl.outlines[i < 0 ? 0 : (i + Math.floor(i / hfSsl.colours)) % hfSsl.colours];

/** The class with the colour of group i; what has no group is grey. */
hfSsl.colourClass = (i) => (i < 0 ? "colour-none" : `colour-${i % hfSsl.colours}`);

/** The shape of group i as a small picture, for legends. */
hfSsl.icon = function (i) {
  const path = hfSsl.drawing("path", { d: hfSsl.outline(i), class: `shape ${hfSsl.colourClass(i)}` });
  return hfSsl.drawing("svg", { viewBox: "-1.6 -1.6 3.2 3.2", class: "icon", "aria-hidden": "true" }, path);
};
