// An OpenID Connect provider for tests, at ISSUER for the application gateway. Whoever signs in is who they say.
import { Provider } from "oidc-provider";

const issuer = process.env.ISSUER;
const provider = new Provider(issuer, {
  clients: [{
    client_id: "gateway", client_secret: "the-secret-of-the-gateway", redirect_uris: [process.env.REDIRECT],
    grant_types: ["authorization_code"], response_types: ["code"], token_endpoint_auth_method: "client_secret_basic" }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: `The ${id}`, preferred_username: id }) }),
});
const { hostname, port } = new URL(issuer);
provider.listen(Number(port), hostname, () => console.log("listening"));
