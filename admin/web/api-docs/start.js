window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  // Swagger's own service would be asked to judge the document; nothing here leaves the city's network.
  validatorUrl: null,
})
