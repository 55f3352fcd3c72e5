// What the difference is: what was measured, the words explained, and worked examples.
window.hfSsl ??= {};

/** One comparison: its recommendation, table and curves, or how to make one. */
hfSsl.comparison = function ({ title, sentence, reasons, table, curves, source, hint }) {
  return hfSsl.element(
    "section",
    { className: "comparison" },
    hfSsl.element("h2", {}, title),
    sentence ? hfSsl.element("p", { className: "recommendation" }, hfSsl.sentence(sentence)) : null,
    reasons.length
      ? hfSsl.element(
          "ul",
          { className: "reasons" },
          ...reasons.map((reason) => hfSsl.element("li", {}, hfSsl.sentence(reason))),
        )
      : null,
    hint ? hfSsl.element("p", { className: "hint" }, hint) : null,
    hfSsl.element(
      "div",
      { className: table && curves.length ? "halves" : "" },
      table
        ? hfSsl.element(
            "div",
            {},
            hfSsl.element("h3", {}, "What the features are worth"),
            hfSsl.table(title, table),
            hfSsl.intervalNote(table),
          )
        : null,
      curves.length ? hfSsl.chart(curves) : null,
    ),
    source && (table || sentence) ? hfSsl.element("p", { className: "note" }, hfSsl.sentence(source)) : null,
  );
};

/** Build the difference panel in root from the page's data. */
hfSsl.differencePanel = function (root, data) {
  const words = data.words.map(({ word, meaning }) =>
    hfSsl.element("div", {}, hfSsl.element("dt", {}, word), hfSsl.element("dd", {}, hfSsl.sentence(meaning))),
  );
  root.replaceChildren(
    hfSsl.element(
      "div",
      { className: "page" },
      hfSsl.headline(
        "What is the difference?",
        "Both learn without labels. One solves an exercise that the data set themselves; the other only looks for structure.",
      ),
      hfSsl.element("dl", { className: "glossary" }, ...words),
      ...data.parts.map(hfSsl.comparison),
      hfSsl.element(
        "section",
        { className: "comparison" },
        hfSsl.element("h2", {}, "Worked examples"),
        hfSsl.examples(data.examples),
      ),
    ),
  );
};
