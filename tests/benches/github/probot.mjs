// A probot App that hears of comments and does nothing: the least that it can do before it answers.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";

const { createNodeMiddleware, createProbot } = await import(process.env.FOLKOPS_PROBOT);
const [port, key, secret] = process.argv.slice(2);
const overrides = { appId: 7001, privateKey: readFileSync(key, "utf8"), secret, logLevel: "fatal" };
const app = (probot) => probot.on("issue_comment.created", async () => {});
const hear = await createNodeMiddleware(app, {
  probot: createProbot({ overrides }),
  webhooksPath: "/webhooks/github",
});
createServer((request, answer) => hear(request, answer, () => answer.writeHead(404).end())).listen(port, "127.0.0.1");
