"use strict";

const place = document.getElementById("api-reference");

SwaggerUIBundle({
  url: place.dataset.specification,
  domNode: place,
  // Links inside of buttons are nothing for a keyboard.
  deepLinking: false,
  docExpansion: "none",
  // The validator would be somebody else's service.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
