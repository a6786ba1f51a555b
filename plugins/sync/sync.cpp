// The plugin: data.sync.
#include <map>
#include <sluice/plugin.hpp>
#include <variant>

#include "../common/curl.hpp"
#include "../common/encoding.hpp"
#include "api_source.hpp"
#include "json.hpp"
#include "order.hpp"
#include "output.hpp"
#include "schemas.hpp"
#include "taking.hpp"
#include "target.hpp"
#include "trouble.hpp"

using namespace std::chrono_literals;

namespace data_sync {

namespace {

/// The map's value for `name`. Throws PermanentError if it is missing, because the payload is then wrong.
template <class Map>
const typename Map::mapped_type& named(const Map& map, const std::string& name, const char* kind) {
  if (const auto found = map.find(name); found != map.end()) return found->second;
  std::string known;
  for (const auto& [other, value] : map) known += (known.empty() ? "" : ", ") + other;
  const std::string key = kind;
  throw sluice::PermanentError("unknown-" + key, "payload /" + key + ": unknown " + key + " '" + name +
                                                     "'; configured: " + (known.empty() ? "none" : known));
}

Scope scope_of(const Order& order) {
  Scope scope{order.source, order.target, {}, {}};
  if (order.parameters.empty()) return scope;
  rapidjson::Document parameters(rapidjson::kObjectType);
  auto& allocator = parameters.GetAllocator();
  for (const auto& [name, value] : order.parameters) {
    parameters.AddMember(rapidjson::Value(name.c_str(), allocator),
                         rapidjson::Value(value.c_str(), allocator), allocator);
  }
  scope.parameters = to_text(parameters);
  return scope;
}

/// A digest of everything that a kept cursor depends on: the request and the target table.
std::string configuration_of(const ApiSource& source, const TargetConfig& target) {
  std::string all = source.endpoint.url.text() + "\n" + source.body + "\n" + source.cursor_parameter + "\n" +
                    (source.cursor ? to_text(*source.cursor) : std::string()) + "\n";
  if (const auto* const database = std::get_if<DatabaseTarget>(&target)) all += database->table;
  constexpr std::size_t enough = 16;
  return common::sha256_hex(all).substr(0, enough);
}

/// Drops a cursor and ETag that were kept under another configuration.
void leave_out_what_is_old(State& state, const ApiSource& source, const Scope& scope,
                           const sluice::Job& job) {
  if (!source.cursor) state.cursor.clear();
  if (!source.etag) state.etag.clear();
  if (state.configuration.empty() || state.configuration == scope.configuration) return;
  if (!state.cursor.empty() || !state.etag.empty()) {
    job.log().info(
        "the configuration of source or target has changed since the last job; starting from the beginning",
        {{"cursor", state.cursor}, {"etag", state.etag}});
  }
  state.cursor.clear();
  state.etag.clear();
}

/// Whether a source answers with that code to a cursor that has expired or is unknown.
bool may_be_the_cursor(const std::string& code) {
  return code == "http-400" || code == "http-410" || code == "http-422";
}

Question question_of(const Order& order, const std::optional<State>& state) {
  Question question;
  question.parameters = order.parameters;
  if (order.cursor) {
    question.cursor = to_text(*order.cursor);
  } else if (state && !order.full) {
    question.cursor = state->cursor;
    question.etag = state->etag;
  }
  return question;
}

class SyncData {
 public:
  explicit SyncData(const sluice::Config& config) : config_(read_config(config)) {}

  /// Connections, kept between jobs and created when first needed.
  struct Slot {
    std::map<std::string, HttpClient> sources;
    std::map<std::string, std::unique_ptr<Target>> targets;
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const {
    try {
      return sync(job, slot);
    } catch (const Cancelled&) {
      return sluice::cancelled();
    } catch (const Trouble& trouble) {
      sluice::Result result = sluice::retry(trouble.code(), trouble.what());
      if (trouble.delay()) result.after(*trouble.delay());
      return result;
    }
  }

 private:
  sluice::Result sync(sluice::Job& job, Slot& slot) const {
    const Order order = read_order(job);
    Target& target = target_of(slot, order.target);
    target.check(job);
    Scope scope = scope_of(order);
    std::optional<State> state;
    if (!order.is_inline) {
      const ApiSource& source = named(config_.sources, order.source, "source");
      scope.configuration = configuration_of(source, config_.targets.at(order.target));
      state = target.recall(scope, job);
      if (state) leave_out_what_is_old(*state, source, scope, job);
    }
    Question question = question_of(order, state);
    if (state) question.position = state->position;
    question.may_stop = state && !target.removes_missing();
    Taking taking(target);
    Answer answer;
    if (order.is_inline) {
      taking.page("the payload's data", order.records, nullptr);
    } else {
      read(order, question, answer, taking, scope, state, job, slot);
      taking.look_for_unmapped(answer.warnings);
    }
    const bool all = answer.whole && question.cursor.empty() && order.parameters.empty();
    if (state) keep_in(*state, answer);
    const Counts counts =
        answer.not_modified ? Counts{} : target.write(taking.rows(), all, scope, state, job);
    if (answer.stopped) {
      job.log().info("continuing in another run, because max_time or max_bytes is used up",
                     {{"pages", answer.pages}});
      return sluice::snooze(1s);
    }
    put_output(job, order, answer, answer.cursor.empty() ? question.cursor : answer.cursor, taking.rows(),
               counts);
    return sluice::done();
  }

  /// Reads the source. If it throws Trouble between two pages and a state is kept, the pages so far are
  /// written, and the next attempt continues after them.
  void read(const Order& order, Question& question, Answer& answer, Taking& taking, const Scope& scope,
            std::optional<State>& state, const sluice::Job& job, Slot& slot) const {
    const ApiSource& source = named(config_.sources, order.source, "source");
    HttpClient& client = slot.sources.try_emplace(order.source, source.endpoint).first->second;
    const TakePage take = [&](const std::string& name, const rapidjson::Value& records, Cursor& cursor) {
      taking.page(name, records, &cursor);
    };
    const auto ask_source = [&] { ask(client, source, question, job, answer, take); };
    const bool is_kept = state && !order.cursor && !question.cursor.empty();
    try {
      if (!is_kept) return ask_source();
      or_from_the_beginning(ask_source, question, *state, answer, job);
    } catch (const Trouble& trouble) {
      if (!question.may_stop || answer.pages == 0) throw;
      answer.stopped = true;
      keep_in(*state, answer);
      taking.target().write(taking.rows(), false, scope, state, job);
      job.log().info("the pages so far are written, and the next attempt continues after them",
                     {{"pages", answer.pages}, {"trouble", trouble.code()}});
      throw;
    }
  }

  /// Asks, and once more without the kept cursor if the source refuses it.
  template <class Ask>
  static void or_from_the_beginning(const Ask& ask, Question& question, State& state, const Answer& answer,
                                    const sluice::Job& job) {
    try {
      return ask();
    } catch (const sluice::PermanentError& error) {
      if (answer.pages > 0 || !may_be_the_cursor(error.code())) throw;
      job.log().warn("the source refused the kept cursor; starting from the beginning",
                     {{"cursor", question.cursor}, {"reason", error.what()}});
    }
    question.cursor.clear();
    state.cursor.clear();
    ask();
  }

  static void keep_in(State& state, const Answer& answer) {
    state.position = answer.position;
    if (answer.stopped) return;
    if (!answer.cursor.empty()) state.cursor = answer.cursor;
    state.etag = answer.etag;
  }

  Target& target_of(Slot& slot, const std::string& name) const {
    const TargetConfig& config = named(config_.targets, name, "target");
    auto& target = slot.targets[name];
    if (!target) target = make_target(config);
    return *target;
  }

  static void put_output(sluice::Job& job, const Order& order, const Answer& answer,
                         const std::string& next_cursor, const Rows& rows, const Counts& counts) {
    Output output;
    output.add("records", rows.size());
    if (!order.is_inline) {
      output.add("pages", answer.pages);
      output.add_boolean("notModified", answer.not_modified);
    }
    for (const auto& [name, count] : counts) output.add(name, count);
    output.add_skipped(rows.skipped);
    output.add_warnings(answer.warnings);
    if (!next_cursor.empty()) output.add_json("cursor", next_cursor);
    const std::string text = output.text();
    job.output(text);
    for (const std::string& warning : answer.warnings) job.log().warn(warning);
    if (!rows.skipped.empty()) {
      job.log().warn("records were skipped",
                     {{"count", rows.skipped.size()}, {"first", rows.skipped.front().error}});
    }
    job.log().info("synced",
                   {{"source", order.source}, {"target", order.target}, sluice::Field::json("result", text)});
  }

  const common::CurlLibrary curl_;
  const Config config_;
};

}  // namespace

}  // namespace data_sync

SLUICE_PLUGIN(sluice::plugin("sync", "1.0.0")
                  .summary("Copies records from APIs and payloads to tables and APIs")
                  .license("Apache-2.0")
                  .config_schema(data_sync::config_schema)
                  .sandbox(data_sync::sandbox),
              sluice::job_type<data_sync::SyncData>("data.sync")
                  .summary("Copies records from a source to a target")
                  .schema(data_sync::payload_schema)
                  .example(data_sync::payload_example)
                  .timeout(15min)
                  .max_attempts(12)
                  .backoff(30s, 1h));
