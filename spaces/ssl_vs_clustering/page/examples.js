// Worked examples: what models write into a blank, and how each route groups six sentences.
window.hfSsl ??= {};

/** The answers of several models to one exercise. */
hfSsl.answers = function (title, text, answers) {
  if (answers.length === 0) return null;
  const lists = answers.map(({ model, candidates }) => {
    const most = Math.max(1e-9, ...candidates.map(({ probability }) => probability));
    return hfSsl.element(
      "section",
      { className: "prediction" },
      hfSsl.element("h4", {}, hfSsl.said(model)),
      hfSsl.candidates(candidates, most, "answer", null),
    );
  });
  return hfSsl.element(
    "section",
    { className: "example" },
    hfSsl.element("h3", {}, title),
    hfSsl.element("blockquote", {}, hfSsl.said(text)),
    hfSsl.element("div", { className: "predictions" }, ...lists),
  );
};

/** How one route groups the sentences: a box a group, with the numbers of its sentences. */
hfSsl.route = function ({ title, clusters, right }) {
  const boxes = [...new Set(clusters)].map((cluster) => {
    const numbers = clusters.flatMap((other, i) =>
      other === cluster ? [hfSsl.element("span", { className: "number" }, String(i + 1))] : [],
    );
    return hfSsl.element("span", { className: "group" }, ...numbers);
  });
  const verdict = hfSsl.element(
    "span",
    { className: right ? "verdict right" : "verdict" },
    right ? "✓ as people would" : "✗ mixed",
  );
  return hfSsl.element(
    "li",
    {},
    hfSsl.element("strong", {}, hfSsl.said(title)),
    verdict,
    hfSsl.element("span", { className: "groups" }, ...boxes),
  );
};

/** All examples. */
hfSsl.examples = function ({ pangram, pangram_text: pangramText, next, next_text: nextText, sentences, routes, note }) {
  const list = sentences.map((sentence) => hfSsl.element("li", {}, hfSsl.said(sentence)));
  const grouping = hfSsl.element(
    "section",
    { className: "example" },
    hfSsl.element("h3", {}, "Six sentences in two groups"),
    hfSsl.element("ol", { className: "sentences" }, ...list),
    hfSsl.element("ul", { className: "routes" }, ...routes.map(hfSsl.route)),
    note ? hfSsl.element("p", { className: "note" }, hfSsl.sentence(note)) : null,
  );
  const filled = [
    hfSsl.answers("The missing word", pangramText, pangram),
    hfSsl.answers("The next word", nextText, next),
  ];
  const left = hfSsl.element("div", {}, ...filled);
  return hfSsl.element(
    "div",
    { className: filled.some(Boolean) ? "halves" : "" },
    ...(filled.some(Boolean) ? [left] : []),
    routes.length ? grouping : null,
  );
};
