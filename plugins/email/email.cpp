// The plugin: email.send.
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <sluice/plugin.hpp>
#include <thread>
#include <utility>

#include "../common/curl.hpp"
#include "../common/encoding.hpp"
#include "config.hpp"
#include "encoding.hpp"
#include "message.hpp"
#include "mime.hpp"
#include "pool.hpp"
#include "schemas.hpp"
#include "template_renderer.hpp"
#include "transport.hpp"
#include "trouble.hpp"

using namespace std::chrono_literals;

namespace email {

namespace {

constexpr auto time_until_later = 5min;  // most greylists accept a mail after that

void check_size(const Mail& mail, const Config& config) {
  if (mail.text.size() <= config.max_bytes) return;
  throw sluice::PermanentError("too-large", "the mail has " + std::to_string(mail.text.size()) +
                                                " bytes, and max_bytes allows " +
                                                std::to_string(config.max_bytes));
}

class Output {
 public:
  void add(const char* key, const std::string& text) {
    if (!text.empty()) json_.AddMember(rapidjson::StringRef(key), text_value(text), json_.GetAllocator());
  }
  void add(const char* key, std::size_t number) {
    json_.AddMember(rapidjson::StringRef(key), static_cast<std::uint64_t>(number), json_.GetAllocator());
  }
  void add(const char* key, const std::vector<std::string>& texts) {
    rapidjson::Value list(rapidjson::kArrayType);
    for (const std::string& text : texts) list.PushBack(text_value(text), json_.GetAllocator());
    json_.AddMember(rapidjson::StringRef(key), list, json_.GetAllocator());
  }
  void add(const char* key, const std::vector<Rejected>& recipients) {
    if (recipients.empty()) return;
    rapidjson::Value list(rapidjson::kArrayType);
    for (const Rejected& recipient : recipients) {
      rapidjson::Value entry(rapidjson::kObjectType);
      entry.AddMember("address", text_value(recipient.mailbox), json_.GetAllocator());
      entry.AddMember("reply", text_value(recipient.reply), json_.GetAllocator());
      list.PushBack(entry, json_.GetAllocator());
    }
    json_.AddMember(rapidjson::StringRef(key), list, json_.GetAllocator());
  }
  const rapidjson::Document& json() const { return json_; }

 private:
  rapidjson::Value text_value(const std::string& text) {
    return {text.c_str(), static_cast<rapidjson::SizeType>(text.size()), json_.GetAllocator()};
  }

  rapidjson::Document json_{rapidjson::kObjectType};
};

void put_output(sluice::Job& job, const std::string& message_id, const Mail& mail, const Receipt& receipt) {
  Output output;
  output.add("messageId", message_id);
  output.add("recipients", receipt.accepted.size());
  output.add("bytes", mail.text.size());
  output.add("reply", receipt.reply);
  output.add("file", receipt.file);
  output.add("accepted", receipt.accepted);
  output.add("rejected", receipt.rejected);
  output.add("deferred", receipt.deferred);
  job.output(output.json());
}

class SendEmail {
 public:
  explicit SendEmail(const sluice::Config& config)
      : config_(read_config(config)),
        tokens_(make_tokens(config_)),
        pool_([this] { return make_transport(config_, tokens_.get()); }, config_.max_connections),
        pace_(config_.between_mails) {
    if (!config_.templates.directory.empty())
      renderer_ = std::make_unique<TemplateRenderer>(config_.templates);
  }

  sluice::Result run(sluice::Job& job) {
    try {
      return send(job);
    } catch (const Trouble& trouble) {
      return sluice::retry(trouble.code(), trouble.what());
    }
  }

 private:
  static std::unique_ptr<AccessTokens> make_tokens(const Config& config) {
    if (!config.smtp || !config.smtp->oauth) return nullptr;
    return std::make_unique<AccessTokens>(*config.smtp->oauth, config.smtp->connect_timeout);
  }

  sluice::Result send(sluice::Job& job) {
    const Message message = read_message(job.payload(), config_, rendered(job));
    // The same in every attempt, so that a receiver can recognise a copy.
    const std::string digest = common::sha256_hex(job.idempotency_key()).substr(0, 32);
    const std::string message_id = message.message_id.empty()
                                       ? "<" + digest + "@" + config_.message_id_domain + ">"
                                       : message.message_id;
    Mail mail{digest, message.envelope_from, message.envelope_to, signed_text(message, message_id, digest),
              needs_smtputf8(message)};
    check_size(mail, config_);
    Receipt receipt;
    sluice::Result result = send(mail, job, receipt);
    if (result.kind() == SLUICE_DONE) report(job, message_id, mail, receipt);
    return result;
  }

  Rendered rendered(sluice::Job& job) {
    const auto name = job.payload().find("template");
    if (!name) return {};
    if (!renderer_) {
      throw sluice::PermanentError("bad-payload",
                                   "payload /template: the plugin has no templates; configure templates");
    }
    return renderer_->render(job);
  }

  std::string signed_text(const Message& message, const std::string& message_id,
                          const std::string& digest) const {
    const std::time_t now = std::time(nullptr);
    std::string text = render(message, message_id, digest, now);
    return config_.dkim ? config_.dkim->signature_of(text, now) + text : text;
  }

  sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) {
    const auto transport = pool_.borrow(job);
    if (job.is_cancelled()) return sluice::cancelled();
    const auto wait = transport ? pace_.take() : Pace::Clock::duration::max();
    if (wait > longest_wait) return sluice::snooze(longest_wait);
    const auto time = Pace::Clock::now() + wait;
    for (auto left = wait; left.count() > 0; left = time - Pace::Clock::now()) {
      if (job.is_cancelled()) return sluice::cancelled();
      std::this_thread::sleep_for(std::min<Pace::Clock::duration>(left, 100ms));
    }
    return (**transport).send(mail, job, receipt);
  }

  static void report(sluice::Job& job, const std::string& message_id, const Mail& mail, Receipt& receipt) {
    if (!receipt.deferred.empty()) send_later(job, message_id, mail, receipt);
    put_output(job, message_id, mail, receipt);
    const std::size_t without = receipt.rejected.size() + receipt.deferred.size();
    if (without == 0) {
      job.log().info("sent", {{"message_id", message_id}, {"recipients", receipt.accepted.size()}});
      return;
    }
    for (const Rejected& recipient : receipt.rejected) {
      job.log().warn("recipient refused", {{"address", recipient.mailbox}, {"reply", recipient.reply}});
    }
    for (const Rejected& recipient : receipt.deferred) {
      job.log().warn("recipient refused for now; a follow-up job tries again",
                     {{"address", recipient.mailbox}, {"reply", recipient.reply}});
    }
    job.log().warn(
        "sent, but not to all",
        {{"message_id", message_id}, {"recipients", receipt.accepted.size()}, {"refused", without}});
  }

  /// The payload for the deferred recipients: as received, each number with its digits, but with their
  /// envelope and this message id.
  static std::string payload_for_later(const sluice::Json& payload, const std::string& message_id,
                                       const Mail& mail, const Receipt& receipt) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    const auto put = [&writer](const std::string& text) {
      writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    };
    writer.StartObject();
    for (const auto& member : payload.value().GetObject()) {
      const std::string name(member.name.GetString(), member.name.GetStringLength());
      if (name == "envelope" || name == "messageId") continue;
      const std::string json = payload.at(name).json();
      put(name);
      writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
    }
    put("messageId");
    put(message_id);
    put("envelope");
    writer.StartObject();
    put("from");
    put(mail.sender);
    put("to");
    writer.StartArray();
    for (const Rejected& recipient : receipt.deferred) put(recipient.mailbox);
    writer.EndArray();
    writer.EndObject();
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
  }

  /// Enqueues a job for the deferred recipients, committed with this one. If it can't be enqueued, they are
  /// moved to `rejected`.
  static void send_later(sluice::Job& job, const std::string& message_id, const Mail& mail,
                         Receipt& receipt) {
    const std::string text = payload_for_later(job.payload(), message_id, mail, receipt);
    try {
      job.enqueue({job.type(), text, time_until_later});
    } catch (const sluice::PermanentError& error) {
      job.log().warn("no follow-up job for deferred recipients", {{"reason", error.what()}});
      for (Rejected& recipient : receipt.deferred) receipt.rejected.push_back(std::move(recipient));
      receipt.deferred.clear();
    }
  }

  const common::CurlLibrary curl_;
  const Config config_;
  const std::unique_ptr<AccessTokens> tokens_;
  TransportPool pool_;
  Pace pace_;
  std::unique_ptr<TemplateRenderer> renderer_;
};

}  // namespace

}  // namespace email

SLUICE_PLUGIN(sluice::plugin("email", "1.0.0")
                  .summary("Sends mail over SMTP, or writes it to files")
                  .license("Apache-2.0")
                  .config_schema(email::config_schema)
                  .sandbox(email::sandbox),
              sluice::job_type<email::SendEmail>("email.send")
                  .summary("Sends one mail")
                  .schema(email::payload_schema)
                  .example(email::payload_example)
                  .timeout(3min)
                  .max_attempts(12)
                  .backoff(30s, 1h));
