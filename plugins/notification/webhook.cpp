#include "webhook.hpp"

#include <curl/curl.h>

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

void put_output(sluice::Job& job, const Delivery& delivery, const Answer& answer) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  put(writer, "webhookId", delivery.id);
  writer.Key("status");
  writer.Int64(answer.status);
  writer.EndObject();
  job.output(std::string_view(buffer.GetString(), buffer.GetSize()));
}

}  // namespace

CurlLibrary::CurlLibrary() {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
}

CurlLibrary::~CurlLibrary() {
  curl_global_cleanup();
}

Webhook::Webhook(const sluice::Config& config) : config_(read_webhook_config(config)) {}

Webhook::Slot::Slot(const Webhook& webhook) {
  if (webhook.config_) receiver.emplace(*webhook.config_);
}

sluice::Result Webhook::run(sluice::Job& job, Slot& slot) const {
  // The operator can mend both, so the job waits for its next attempt rather than end.
  if (!config_) {
    return sluice::retry("no-webhook",
                         "no webhook is configured any more; set url and secret_file under "
                         "[plugin.notification.config.webhook], or delete the job");
  }
  std::vector<Key> keys;
  try {
    keys = keys_of(*config_);
  } catch (const std::runtime_error& error) {
    return sluice::retry("secret-file", error.what());
  }
  Delivery delivery;
  delivery.id = delivery_id(job.idempotency_key());
  delivery.timestamp = std::time(nullptr);
  delivery.body = body_of(notice_of_webhook(job.payload()), job.created_at());
  delivery.signatures = signatures(keys, delivery.id, delivery.timestamp, delivery.body);

  const Answer answer = slot.receiver->post(delivery, job);
  sluice::Result result = outcome_of(answer, *config_);
  if (result.kind() == SLUICE_DONE) {
    put_output(job, delivery, answer);
    job.log().info("delivered", {{"webhook_id", delivery.id}, {"status", answer.status}});
  }
  return result;
}

}  // namespace notification
