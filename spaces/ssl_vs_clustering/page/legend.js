// What the colours and shapes of the map mean, and how well the groups agree with the labels.
window.hfSsl ??= {};

/** Entries {group, title, about}; onOnly(index or null): the only entry that is to be seen well. */
hfSsl.showLegend = function (place, entries, onOnly) {
  let only = null;
  const buttons = entries.map(({ group, title, about }, index) =>
    hfSsl.element(
      "button",
      {
        type: "button",
        className: "entry",
        "aria-pressed": "false",
        "data-key": `entry-${index}`,
        onclick: () => {
          only = only === index ? null : index;
          buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === only)));
          onOnly(only);
        },
      },
      hfSsl.icon(group),
      hfSsl.element("span", { className: "title" }, hfSsl.said(title)),
      hfSsl.element("span", { className: "about" }, about),
    ),
  );
  hfSsl.refill(place, ...buttons.map((button) => hfSsl.element("li", {}, button)));
};

/** The legend's entries when colours are clusters. */
hfSsl.clusterEntries = (names) =>
  names.map(({ name, rows, colour, label, share }) => ({
    group: colour,
    title: name,
    about: label === null ? `${rows} rows` : `${rows} rows, ${hfSsl.percent(share)} ${label}`,
  }));

/** The legend's entries when colours are labels: each has the colour of its number. */
hfSsl.labelEntries = (labels, rows) =>
  labels.map((label, index) => ({
    group: index,
    title: label,
    about: `${rows.filter((row) => row.label === index).length} rows`,
  }));

/** The figures of agreement, and what they say. */
hfSsl.showAgreement = function (place, agreement) {
  if (!agreement) {
    place.replaceChildren(
      hfSsl.element(
        "p",
        { className: "note" },
        "These rows have no labels, so there is nothing to check the groups against.",
      ),
    );
    return;
  }
  const figures = [
    [
      "NMI",
      agreement.nmi.toFixed(2),
      "the information that groups and labels share, 0 to 1; 1 only if they are the same division",
    ],
    [
      "ARI",
      agreement.ari.toFixed(2),
      "pairs of rows that groups and labels both keep together or apart: 0 as by chance, 1 all of them",
    ],
    [
      "Accuracy",
      hfSsl.percent(agreement.accuracy),
      "share of rows in the group that stands for their label, groups matched one to one",
    ],
  ];
  const list = figures.map(([name, value]) =>
    hfSsl.element("div", {}, hfSsl.element("dt", {}, name), hfSsl.element("dd", {}, value)),
  );
  const words = figures.map(([name, , meaning]) =>
    hfSsl.element("li", {}, hfSsl.element("strong", {}, name), `: ${meaning}.`),
  );
  const opened = place.querySelector("details")?.open ?? false;
  hfSsl.refill(
    place,
    hfSsl.element("h3", {}, "Agreement with the labels"),
    hfSsl.element("dl", { className: "figures" }, ...list),
    hfSsl.element(
      "details",
      { open: opened },
      hfSsl.element("summary", { "data-key": "meaning" }, "What these figures say"),
      hfSsl.element("ul", {}, ...words),
      hfSsl.element(
        "p",
        {},
        "The groups were made without labels, but labels helped before: those of other rows (in a small data set, of these) " +
          "chose dimension, layer and whitening of all features alike, and the first number of groups is that of the labels.",
      ),
    ),
  );
};
