#include "webhook.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <stdexcept>

#include "notice.hpp"
#include "signature.hpp"
#include "webhook_outcome.hpp"

namespace notification {

namespace {

/// "2026-01-31T12:00:00.123Z"
std::string iso_8601(sluice::Job::Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  const std::time_t since_1970 = seconds.time_since_epoch().count();
  std::tm utc{};
  gmtime_r(&since_1970, &utc);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(millis));
  return text.data();
}

/// The same in every attempt.
std::string body_of(const Notice& notice, sluice::Job::Time created_at) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  put(writer, "type", "notification.created");
  put(writer, "timestamp", iso_8601(created_at));
  writer.Key("data");
  put(writer, notice);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

/// The members of a notification.webhook payload that are not part of the notice.
struct Due {
  std::string endpoint;
  std::int64_t generation;
};

Due due_of(const sluice::Json& payload) {
  return {payload.string_or("endpoint", "webhook"), payload.integer_or("generation", 1)};
}

/// `status` is 0 if nothing was posted.
void put_output(sluice::Job& job, const Due& due, const std::string& id, long status, bool disabled) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  put(writer, "endpoint", due.endpoint);
  put(writer, "webhookId", id);
  if (status != 0) {
    writer.Key("status");
    writer.Int64(status);
  }
  if (disabled) {
    writer.Key("disabled");
    writer.Bool(true);
  }
  writer.EndObject();
  job.output(std::string_view(buffer.GetString(), buffer.GetSize()));
}

}  // namespace

Webhook::Webhook(const sluice::Config& config) : endpoints_(read_endpoints(config)) {}

sluice::Result Webhook::run(sluice::Job& job, Slot& slot) const {
  const Due due = due_of(job.payload());
  const auto found = endpoints_.find(due.endpoint);
  // The operator can fix this and the secret, so the job is retried.
  if (found == endpoints_.end()) {
    return sluice::retry("no-webhook", "endpoint '" + due.endpoint +
                                           "' is no longer configured; set url and secret_file under "
                                           "[plugin.notification.config.webhooks." +
                                           due.endpoint + "], or delete the job");
  }
  const Endpoint& endpoint = found->second;
  const std::string id = delivery_id(job.idempotency_key());
  if (gone_.holds(due.endpoint, due.generation)) {
    put_output(job, due, id, 0, true);
    job.log().warn("not posted: the endpoint is disabled", {{"endpoint", due.endpoint}});
    return sluice::done();
  }
  std::vector<Key> keys;
  try {
    keys = keys_of(endpoint);
  } catch (const std::runtime_error& error) {
    return sluice::retry("secret-file", error.what());
  }
  Delivery delivery;
  delivery.id = id;
  delivery.timestamp = std::time(nullptr);
  delivery.body = body_of(notice_of_webhook(job), job.created_at());
  delivery.signatures = signatures(keys, delivery.id, delivery.timestamp, delivery.body);

  const Answer answer = slot.receivers.try_emplace(due.endpoint, endpoint).first->second.post(delivery, job);
  sluice::Result result = outcome_of(answer, endpoint);
  if (result.kind() == SLUICE_FAIL && job.extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS) != nullptr) {
    // Only a job that is done can write to the database, and another attempt would be useless.
    const std::string reason = said(answer, endpoint);
    gone_.add(due.endpoint, due.generation);
    job.execute("SELECT sluice.disable_webhook($1, $2::bigint, $3, $4)",
                {due.endpoint, due.generation, job.id(), reason});
    put_output(job, due, id, answer.status, true);
    job.log().warn(
        "the endpoint answered 410 and is disabled; `sluice webhooks revive " + due.endpoint + "` revives it",
        {{"endpoint", due.endpoint}, {"reason", reason}});
    return sluice::done();
  }
  if (result.kind() == SLUICE_DONE) {
    put_output(job, due, id, answer.status, false);
    job.log().info("delivered",
                   {{"endpoint", due.endpoint}, {"webhook_id", delivery.id}, {"status", answer.status}});
  }
  return result;
}

}  // namespace notification
