// The plugin under test, with a configuration given as pairs.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <map>
#include <string>

#include "../loaded_plugin.hpp"
#include "smtp_server.hpp"

namespace sluice::test {

/// Values as JSON: {"url", "\"smtp://...\""}, {"timeout", "2"}.
using Settings = std::map<std::string, std::string>;

inline std::string quoted(const std::string& text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer>(buffer).String(text.c_str(),
                                                            static_cast<rapidjson::SizeType>(text.size()));
  return {buffer.GetString(), buffer.GetSize()};
}

inline std::string to_json(const Settings& settings) {
  std::string json = "{";
  for (const auto& [key, value] : settings) {
    json += (json.size() > 1 ? ", " : "") + quoted(key) + ": " + value;
  }
  return json + "}";
}

inline Settings smtp_settings(const std::string& url) {
  return {{"transport", quoted("smtp")},
          {"url", quoted(url)},
          {"from", quoted("Shop <shop@shop.example>")},
          {"starttls", quoted("never")}};
}

inline Settings file_settings(const Scratch& scratch) {
  return {{"transport", quoted("file")},
          {"directory", quoted(scratch.path())},
          {"from", quoted("shop@shop.example")}};
}

inline Settings operator+(Settings settings, const Settings& more) {
  for (const auto& [key, value] : more) settings[key] = value;
  return settings;
}

class EmailPlugin {
 public:
  explicit EmailPlugin(const Settings& settings, const std::map<std::string, std::string>& secrets = {})
      : plugin_(EMAIL_PLUGIN, to_json(settings), secrets) {}
  explicit EmailPlugin(const SmtpServer& server, const Settings& more = {})
      : EmailPlugin(smtp_settings(server.url()) + more) {}

  testing::Outcome run(testing::FakeJob& job) { return plugin_.run("email.send", job); }
  testing::Outcome send(const std::string& payload, const std::string& id = "job-1") {
    testing::FakeJob job(payload);
    job.id(id);
    return run(job);
  }
  const sluice_plugin& descriptor() const { return plugin_.descriptor(); }

 private:
  LoadedPlugin plugin_;
};

/// The payload of the outbox guide.
constexpr auto guide_payload =
    R"({"to": "user@example.com", "subject": "Subject", "body": "Message body", "attachments": []})";

/// For the message of a failed test.
inline std::string said(const testing::Outcome& outcome) {
  return outcome.code + ": " + outcome.error;
}

}  // namespace sluice::test
