// The browsable reference: Swagger UI over the document that the same edge serves.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  displayRequestDuration: true,
  // Neither asks another host for anything.
  validatorUrl: null,
  queryConfigEnabled: false,
});
