// The image panel: on the left a model paints hidden patches, on the right the same images are grouped.
window.hfSsl ??= {};

/** Build the image panel in root from the page's data. */
hfSsl.imagePanel = function (root, data) {
  if (data.empty) {
    hfSsl.emptyPanel(root, data);
    return;
  }
  const thumbnails = hfSsl.thumbnails(data);
  const left = hfSsl.picturePanel(data, () => right.place());
  const right = hfSsl.groupPanel({
    kind: "images",
    data,
    onPick: left.load,
    question: (features, projection) => (left.image() ? ["place_image", left.image(), features, projection] : null),
    hereName: "your image",
    thumbnails,
  });
  root.replaceChildren(
    hfSsl.element(
      "div",
      { className: "page" },
      hfSsl.headline(
        "Two ways to learn from images without labels",
        "A model that paints what is hidden, beside an algorithm that groups what is alike: the same rows of ",
        hfSsl.element("strong", {}, hfSsl.said(data.dataset)),
        ". Neither is trained on a label.",
      ),
      hfSsl.element(
        "div",
        { className: "sides" },
        hfSsl.column(
          "Fill in what is hidden",
          "Self-supervised",
          "The image is its own exercise: most of it is hidden, and the model has learnt to paint the rest.",
          ...left.parts,
        ),
        hfSsl.column(
          "Group what is alike",
          "Unsupervised",
          "No exercise at all: every image becomes a list of numbers, and images with similar numbers form a group.",
          ...right.parts,
        ),
      ),
    ),
  );
  left.start();
};
