import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.core.document.Document;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeAsyncClient;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeClient;
import software.amazon.awssdk.services.bedrockruntime.model.*;

/**
 * AWS SDK for Java: the synchronous client, and the asynchronous one, which speaks HTTP/2 with prior
 * knowledge. Each scenario prints a line of JSON. Address and credentials come from the environment.
 */
public final class Aws {
  static final String MODEL = System.getenv("MODEL");
  static final String WEATHER = "What is the weather in Paris and Tokyo?";
  static final BedrockRuntimeClient SYNC =
      BedrockRuntimeClient.builder()
          .region(Region.US_EAST_1)
          .httpClientBuilder(UrlConnectionHttpClient.builder())
          .overrideConfiguration(o -> o.retryStrategy(DefaultRetryStrategy.doNotRetry()))
          .build();
  static final BedrockRuntimeAsyncClient ASYNC =
      BedrockRuntimeAsyncClient.builder()
          .region(Region.US_EAST_1)
          .overrideConfiguration(o -> o.retryStrategy(DefaultRetryStrategy.doNotRetry()))
          .build();

  public static void main(String[] args) {
    run("a response: BedrockRuntimeClient", () -> answered(SYNC.converse(ask(MODEL, "What is granite?"))));
    run("a response: BedrockRuntimeAsyncClient", () -> answered(ASYNC.converse(ask(MODEL, "What is granite?")).join()));
    run("a stream: BedrockRuntimeAsyncClient", () -> {
      List<String> texts = stream("[[words: 60]]");
      String text = String.join("", texts).trim();
      need(text.split("\\s+").length == 60, text);
      return null;
    });
    run("a tool loop: BedrockRuntimeClient", () -> toolLoop(false));
    run("a tool loop: BedrockRuntimeAsyncClient", () -> toolLoop(true));
    run("a refusal: BedrockRuntimeClient", () -> {
      try {
        SYNC.converse(ask(MODEL, "[[fault: denied]]"));
      } catch (AccessDeniedException e) {
        need(e.statusCode() == 403 && !e.awsErrorDetails().errorMessage().isEmpty(), e.toString());
        return null;
      }
      throw new IllegalStateException("no error");
    });
    run("an unknown model: BedrockRuntimeAsyncClient", () -> {
      try {
        ASYNC.converse(ask("not/configured", "Hi")).join();
      } catch (CompletionException e) {
        need(e.getCause() instanceof ResourceNotFoundException && e.getMessage().contains("not/configured"), e.toString());
        return null;
      }
      throw new IllegalStateException("no error");
    });
    run("a stream that breaks off: BedrockRuntimeAsyncClient", () -> {
      try {
        stream("[[fault: cut=reset after=3]] [[words: 60]]");
      } catch (CompletionException e) {
        need(e.getCause() instanceof ModelStreamErrorException, e.toString());
        return null;
      }
      throw new IllegalStateException("no error");
    });
    ASYNC.close();
    SYNC.close();
  }

  static ConverseRequest ask(String model, String text) {
    return ConverseRequest.builder().modelId(model).messages(user(ContentBlock.fromText(text))).build();
  }

  static Message user(ContentBlock... content) {
    return Message.builder().role(ConversationRole.USER).content(content).build();
  }

  static Void answered(ConverseResponse r) {
    String text = r.output().message().content().get(0).text();
    need(text.equals("You said: What is granite?") && r.usage().outputTokens() > 0, text);
    return null;
  }

  static List<String> stream(String prompt) {
    List<String> texts = new ArrayList<>();
    ASYNC.converseStream(
            b -> b.modelId(MODEL).messages(user(ContentBlock.fromText(prompt))),
            ConverseStreamResponseHandler.builder()
                .subscriber(
                    ConverseStreamResponseHandler.Visitor.builder()
                        .onContentBlockDelta(d -> texts.add(d.delta().text()))
                        .build())
                .build())
        .join();
    return texts;
  }

  static ConverseResponse converse(boolean async, Message... messages) {
    Document schema =
        Document.mapBuilder()
            .putString("type", "object")
            .putDocument("properties", Document.mapBuilder().putDocument("city", Document.mapBuilder().putString("type", "string").build()).build())
            .putList("required", l -> l.addString("city"))
            .build();
    ConverseRequest request =
        ConverseRequest.builder()
            .modelId(MODEL)
            .messages(messages)
            .toolConfig(t -> t.tools(Tool.fromToolSpec(ToolSpecification.builder().name("get_weather").inputSchema(ToolInputSchema.fromJson(schema)).build())))
            .build();
    return async ? ASYNC.converse(request).join() : SYNC.converse(request);
  }

  static Void toolLoop(boolean async) {
    Message ask = user(ContentBlock.fromText(WEATHER));
    Message first = converse(async, ask).output().message();
    ContentBlock[] results =
        first.content().stream()
            .filter(b -> b.toolUse() != null)
            .map(b -> ContentBlock.fromToolResult(ToolResultBlock.builder().toolUseId(b.toolUse().toolUseId())
                .content(ToolResultContentBlock.fromText("sunny in " + b.toolUse().input().asMap().get("city").asString())).build()))
            .toArray(ContentBlock[]::new);
    String text = converse(async, ask, first, user(results)).output().message().content().get(0).text();
    need(text.contains("sunny in Paris") && text.contains("sunny in Tokyo"), text);
    return null;
  }

  static void need(boolean condition, String seen) {
    if (!condition) {
      throw new IllegalStateException("seen: " + seen);
    }
  }

  static void run(String name, Callable<Void> scenario) {
    String seen = "";
    try {
      scenario.call();
    } catch (Throwable e) {
      seen = e + " " + e.getCause();
    }
    System.out.println("{\"name\":" + quote(name) + ",\"ok\":" + seen.isEmpty() + ",\"seen\":" + quote(seen) + "}");
  }

  static String quote(String s) {
    return "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ") + "\"";
  }
}
