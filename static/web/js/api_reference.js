"use strict";

const place = document.getElementById("api-reference");

SwaggerUIBundle({
  url: place.dataset.specification,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  // The validator would be somebody else's service.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
