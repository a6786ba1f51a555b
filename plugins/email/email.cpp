// The plugin: email.send.
#include <curl/curl.h>

#include <ctime>
#include <sluice/plugin.hpp>

#include "config.hpp"
#include "encoding.hpp"
#include "message.hpp"
#include "mime.hpp"
#include "schemas.hpp"
#include "transport.hpp"
#include "trouble.hpp"

using namespace std::chrono_literals;

namespace email {

namespace {

/// libcurl's global state, for as long as the plugin is loaded.
class CurlLibrary {
 public:
  CurlLibrary() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
  }
  ~CurlLibrary() { curl_global_cleanup(); }
  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;
};

void check_size(const Mail& mail, const Config& config) {
  if (mail.text.size() <= config.max_bytes) return;
  throw sluice::PermanentError("too-large", "the mail has " + std::to_string(mail.text.size()) +
                                                " bytes, and max_bytes allows " +
                                                std::to_string(config.max_bytes));
}

void put_output(sluice::Job& job, const std::string& message_id, const Mail& mail, const Receipt& receipt) {
  rapidjson::Document output(rapidjson::kObjectType);
  auto& allocator = output.GetAllocator();
  output.AddMember("messageId", rapidjson::Value(message_id.c_str(), allocator), allocator);
  output.AddMember("recipients", static_cast<std::uint64_t>(mail.recipients.size()), allocator);
  output.AddMember("bytes", static_cast<std::uint64_t>(mail.text.size()), allocator);
  for (const auto& [key, value] : receipt) {
    output.AddMember(rapidjson::Value(key.c_str(), allocator), rapidjson::Value(value.c_str(), allocator),
                     allocator);
  }
  job.output(output);
}

class SendEmail {
 public:
  explicit SendEmail(const sluice::Config& config) : config_(read_config(config)) {}

  struct Slot {
    explicit Slot(SendEmail& email) : transport(make_transport(email.config_)) {}
    std::unique_ptr<Transport> transport;
  };

  sluice::Result run(sluice::Job& job, Slot& slot) {
    try {
      return send(job, *slot.transport);
    } catch (const Trouble& trouble) {
      return sluice::retry(trouble.code(), trouble.what());
    }
  }

 private:
  sluice::Result send(sluice::Job& job, Transport& transport) const {
    const Message message = read_message(job.payload(), config_);
    // The same in every attempt: who gets the mail twice can tell.
    const std::string digest = sha256_hex(job.idempotency_key()).substr(0, 32);
    const std::string message_id = "<" + digest + "@" + config_.message_id_domain + ">";
    const Mail mail{digest, message.from.mailbox, recipients_of(message),
                    render(message, message_id, digest, std::time(nullptr))};
    check_size(mail, config_);
    Receipt receipt;
    sluice::Result result = transport.send(mail, job, receipt);
    if (result.kind() == SLUICE_DONE) {
      put_output(job, message_id, mail, receipt);
      job.log().info("sent", {{"message_id", message_id}, {"recipients", mail.recipients.size()}});
    }
    return result;
  }

  const CurlLibrary curl_;
  const Config config_;
};

}  // namespace

}  // namespace email

SLUICE_PLUGIN(sluice::plugin("email", "1.0.0")
                  .summary("Sends mail over SMTP, or writes it to files")
                  .license("Apache-2.0")
                  .config_schema(email::config_schema),
              sluice::job_type<email::SendEmail>("email.send")
                  .summary("Sends one mail")
                  .schema(email::payload_schema)
                  .example(email::payload_example)
                  .timeout(2min)
                  .max_attempts(12)
                  .backoff(30s, 1h));
