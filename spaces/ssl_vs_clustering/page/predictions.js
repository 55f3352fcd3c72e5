// What a model would write: a list of candidates with bars; clicking one puts it in.
window.hfSsl ??= {};

/** A list of candidates; most: the probability of a full bar; onPick(candidate): null where nothing can be put in. */
hfSsl.candidates = function (candidates, most, key, onPick) {
  const items = candidates.map((candidate, index) => {
    const bar = hfSsl.element("span", { className: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--length", Math.max(0.01, candidate.probability / most).toFixed(4));
    const inside = [
      hfSsl.element("span", { className: "answer" }, candidate.part ? "…" : "", hfSsl.said(candidate.text)),
      hfSsl.element("span", { className: "share" }, hfSsl.percent(candidate.probability)),
      bar,
    ];
    const properties = { className: "candidate", "data-key": `${key}-${index}` };
    const row = onPick
      ? hfSsl.element("button", { ...properties, type: "button", onclick: () => onPick(candidate) }, ...inside)
      : hfSsl.element("div", properties, ...inside);
    return hfSsl.element("li", {}, row);
  });
  return hfSsl.element("ol", { className: "candidates" }, ...items);
};

/** What the hidden word was, and what the model thought of it. */
hfSsl.whatItWas = function ({ was, was_probability: probability, was_rank: rank }) {
  if (was === null) return null;
  const thought = probability === null ? "" : `, ${rank ? `rank ${rank}, ` : ""}${hfSsl.percent(probability)}`;
  return hfSsl.element("p", { className: "was" }, "It was ", hfSsl.element("strong", {}, hfSsl.said(was)), thought);
};

/** The predictions for every blank; onPick(prediction, candidate). */
hfSsl.showPredictions = function (place, predictions, onPick) {
  const most = Math.max(
    1e-9,
    ...predictions.flatMap(({ candidates }) => candidates.map(({ probability }) => probability)),
  );
  const lists = predictions.map((prediction, index) =>
    hfSsl.element(
      "section",
      { className: "prediction", "aria-label": `Blank ${index + 1}` },
      hfSsl.element("h3", {}, "Blank ", hfSsl.element("span", { className: "number" }, String(index + 1))),
      hfSsl.whatItWas(prediction),
      prediction.note ? hfSsl.element("p", { className: "note" }, hfSsl.sentence(prediction.note)) : null,
      hfSsl.candidates(prediction.candidates, most, `blank-${index}`, (candidate) => onPick(prediction, candidate)),
    ),
  );
  hfSsl.refill(place, ...lists);
};

/** The candidates for the next word; onPick(candidate). */
hfSsl.showNextWord = function (place, candidates, onPick) {
  const most = Math.max(1e-9, ...candidates.map(({ probability }) => probability));
  hfSsl.refill(
    place,
    hfSsl.element(
      "section",
      { className: "prediction", "aria-label": "The next word" },
      hfSsl.element("h3", {}, "The next word"),
      hfSsl.candidates(candidates, most, "next", onPick),
    ),
  );
};

/** The best answers in a sentence, for people who hear the page. */
hfSsl.sayPredictions = function (lists) {
  const best = ({ candidates }) =>
    candidates.slice(0, 3).map(({ text, probability }) => `${text} ${hfSsl.percent(probability)}`);
  return lists.map((list, index) => `Blank ${index + 1}: ${best(list).join(", ")}.`).join(" ");
};
