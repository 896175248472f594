import com.fasterxml.jackson.annotation.JsonTypeName;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.Reasoning;
import com.openai.models.ReasoningEffort;
import com.openai.models.conversations.Conversation;
import com.openai.models.conversations.ConversationCreateParams;
import com.openai.models.conversations.items.ItemListParams;
import com.openai.models.responses.*;
import com.openai.models.responses.inputtokens.InputTokenCountParams;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/**
 * OpenAI's SDK for Java with the Responses API of the gateway, and the emulator as its upstream. Each
 * scenario prints a line of JSON.
 */
public final class OpenAI {
  static final String MODEL = System.getenv("MODEL");
  static final OpenAIClient CLIENT =
      OpenAIOkHttpClient.builder().baseUrl(System.getenv("BASE_URL") + "/v1").apiKey(System.getenv("API_KEY")).maxRetries(0).build();

  /** The weather in a city now. */
  @JsonTypeName("get_weather")
  public static final class GetWeather {
    public String city;
  }

  /** What a stone is. */
  public static final class Stone {
    public String name;
    public int hardness;
  }

  public static void main(String[] args) {
    run("a response has its text and its usage", () -> {
      Response r = CLIENT.responses().create(ask("[[answer: granite]]").instructions("Be short.").build());
      need(text(r).equals("granite") && r.status().get().equals(ResponseStatus.COMPLETED) && r.usage().get().totalTokens() > 0, r);
      return null;
    });
    run("a stream has its events in order", () -> {
      List<ResponseStreamEvent> events = new ArrayList<>();
      Response r = stream(ask("[[words: 30]]").build(), events);
      need(events.get(0).isCreated() && events.get(events.size() - 1).isCompleted() && text(r).split("\\s+").length == 30, r);
      return null;
    });
    run("tools are called, and their results go back with the reasoning", OpenAI::tools);
    run("a custom tool gets plain text", () -> {
      Response r = CLIENT.responses().create(ask("[[call: patch {\"input\":\"*** Begin\"}]]").addTool(CustomTool.builder().name("patch").build()).build());
      ResponseCustomToolCall call = r.output().get(r.output().size() - 1).asCustomToolCall();
      need(call.name().equals("patch") && call.input().equals("*** Begin"), r);
      return null;
    });
    run("parse returns an object of the schema", () -> {
      StructuredResponse<Stone> r = CLIENT.responses().create(ask("Describe granite, of hardness 7.").text(Stone.class).build());
      Stone stone = r.output().get(0).asMessage().content().get(0).asOutputText();
      need(!stone.name.isEmpty(), r.rawResponse());
      return null;
    });
    run("a conversation goes on by the response before", () -> {
      Response first = CLIENT.responses().create(ask("[[answer: granite]]").build());
      Response second = CLIENT.responses().create(ask("And?").previousResponseId(first.id()).build());
      need(text(CLIENT.responses().retrieve(second.id())).equals(text(second)), second);
      need(CLIENT.responses().inputItems().list(second.id()).items().size() == 1, second);
      CLIENT.responses().delete(first.id());
      try {
        CLIENT.responses().retrieve(first.id());
      } catch (NotFoundException e) {
        return null;
      }
      throw new IllegalStateException("it is still there");
    });
    run("a conversation keeps its items", () -> {
      Conversation c = CLIENT.conversations().create(ConversationCreateParams.builder().addItem(message("Hi")).build());
      CLIENT.responses().create(ask("Go on.").conversation(c.id()).build());
      ItemListParams pages = ItemListParams.builder().order(ItemListParams.Order.ASC).limit(2).build();
      long items = CLIENT.conversations().items().list(c.id(), pages).autoPager().stream().count();
      need(items == 3 && CLIENT.conversations().delete(c.id()).deleted(), items);
      return null;
    });
    run("input is counted, and compacted", () -> {
      long count = CLIENT.responses().inputTokens().count(InputTokenCountParams.builder().model(MODEL).input("What is granite?").build()).inputTokens();
      CompactedResponse c = CLIENT.responses().compact(ResponseCompactParams.builder().model(MODEL).input("[[answer: We spoke of granite.]]").build());
      ResponseCompactionItem compaction = c.output().stream().filter(ResponseOutputItem::isCompaction).findFirst().get().asCompaction();
      List<ResponseInputItem> input =
          List.of(
              ResponseInputItem.ofCompaction(ResponseCompactionItemParam.builder().id(compaction.id()).encryptedContent(compaction.encryptedContent()).build()),
              ResponseInputItem.ofEasyInputMessage(message("[[answer: On it goes.]]")));
      Response r = CLIENT.responses().create(ResponseCreateParams.builder().model(MODEL).inputOfResponse(input).build());
      need(count > 0 && text(r).equals("On it goes."), r);
      return null;
    });
    run("a response is made in the background", () -> {
      Response r = CLIENT.responses().create(ask("[[answer: granite]]").background(true).build());
      while (r.status().get().equals(ResponseStatus.QUEUED) || r.status().get().equals(ResponseStatus.IN_PROGRESS)) {
        r = CLIENT.responses().retrieve(r.id());
      }
      need(r.status().get().equals(ResponseStatus.COMPLETED) && text(r).equals("granite"), r);
      Response slow = CLIENT.responses().create(ask("[[fault: latency=60s]] x").background(true).build());
      need(CLIENT.responses().cancel(slow.id()).status().get().equals(ResponseStatus.CANCELLED), slow);
      return null;
    });
    run("a stream in the background is left and resumed", () -> {
      String id = "";
      StringBuilder text = new StringBuilder();
      long last = 0;
      try (StreamResponse<ResponseStreamEvent> s = CLIENT.responses().createStreaming(ask("[[answer: granite and basalt and gneis]]").background(true).build())) {
        for (ResponseStreamEvent e : (Iterable<ResponseStreamEvent>) s.stream()::iterator) {
          id = e.isCreated() ? e.asCreated().response().id() : id;
          if (e.isOutputTextDelta()) {
            text.append(e.asOutputTextDelta().delta());
            last = e.asOutputTextDelta().sequenceNumber();
            break;
          }
        }
      }
      ResponseRetrieveParams from = ResponseRetrieveParams.builder().startingAfter(last).build();
      try (StreamResponse<ResponseStreamEvent> s = CLIENT.responses().retrieveStreaming(id, from)) {
        List<ResponseStreamEvent> events = s.stream().collect(Collectors.toList());
        events.stream().filter(ResponseStreamEvent::isOutputTextDelta).forEach(e -> text.append(e.asOutputTextDelta().delta()));
        need(text.toString().equals("granite and basalt and gneis") && events.get(events.size() - 1).isCompleted(), text);
      }
      return null;
    });
    run("a response that breaks off fails, and never claims an end", () -> {
      try (StreamResponse<ResponseStreamEvent> s = CLIENT.responses().createStreaming(ask("[[fault: cut=reset after=3]] [[words: 60]]").build())) {
        List<ResponseStreamEvent> events = s.stream().collect(Collectors.toList());
        need(events.get(events.size() - 1).isFailed() && events.stream().noneMatch(ResponseStreamEvent::isCompleted), events);
      }
      return null;
    });
    run("errors name the parameter", () -> {
      try {
        CLIENT.responses().create(ask("x").maxOutputTokens(0).build());
      } catch (OpenAIServiceException e) {
        need(e.statusCode() == 400 && e.param().orElse("").equals("max_output_tokens"), e);
      }
      try {
        CLIENT.responses().create(ask("[[fault: throttle]]").build());
      } catch (OpenAIServiceException e) {
        need(e.statusCode() == 429 && e.code().orElse("").equals("rate_limit_exceeded"), e);
        return null;
      }
      throw new IllegalStateException("no error");
    });
    CLIENT.close();
  }

  static ResponseCreateParams.Builder ask(String text) {
    return ResponseCreateParams.builder().model(MODEL).input(text);
  }

  static EasyInputMessage message(String text) {
    return EasyInputMessage.builder().role(EasyInputMessage.Role.USER).content(text).build();
  }

  static String text(Response r) {
    return r.output().stream()
        .flatMap(o -> o.message().stream())
        .flatMap(m -> m.content().stream())
        .flatMap(c -> c.outputText().stream())
        .map(ResponseOutputText::text)
        .collect(Collectors.joining());
  }

  /** Reads a stream to its end, and folds it. */
  static Response stream(ResponseCreateParams params, List<ResponseStreamEvent> events) {
    ResponseAccumulator all = ResponseAccumulator.createWithSnapshots();
    try (StreamResponse<ResponseStreamEvent> s = CLIENT.responses().createStreaming(params)) {
      s.stream().peek(all::accumulate).forEach(events::add);
    }
    return all.reconstructedResponse();
  }

  static Void tools() {
    List<ResponseInputItem> input = new ArrayList<>();
    input.add(ResponseInputItem.ofEasyInputMessage(
        message("[[call: get_weather {\"city\":\"Paris\"}]] [[call: get_weather {\"city\":\"Tokyo\"}]] [[then]] [[answer: It rains.]]")));
    ResponseCreateParams.Builder asked =
        ResponseCreateParams.builder()
            .model(MODEL)
            .addTool(GetWeather.class)
            .store(false)
            .reasoning(Reasoning.builder().effort(ReasoningEffort.HIGH).summary(Reasoning.Summary.AUTO).build())
            .addInclude(ResponseIncludable.REASONING_ENCRYPTED_CONTENT);
    Response r = stream(asked.inputOfResponse(List.copyOf(input)).build(), new ArrayList<>());
    need(r.output().get(0).isReasoning() && r.output().get(0).asReasoning().encryptedContent().isPresent(), r);
    List<String> cities = new ArrayList<>();
    List<ResponseInputItem> results = new ArrayList<>();
    for (ResponseOutputItem item : r.output()) {
      item.reasoning().ifPresent(thought -> input.add(ResponseInputItem.ofReasoning(thought)));
      item.functionCall().ifPresent(call -> {
        cities.add(call.arguments(GetWeather.class).city);
        input.add(ResponseInputItem.ofFunctionCall(call));
        results.add(ResponseInputItem.ofFunctionCallOutput(ResponseInputItem.FunctionCallOutput.builder().callId(call.callId()).output("rain").build()));
      });
    }
    need(cities.equals(List.of("Paris", "Tokyo")), cities);
    input.addAll(results);
    Response last = CLIENT.responses().create(asked.inputOfResponse(input).build());
    need(text(last).equals("It rains."), last);
    return null;
  }

  static void need(boolean condition, Object seen) {
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
