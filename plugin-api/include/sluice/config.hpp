// What a handler's constructor gets: the plugin's configuration, and the host that runs the plugin.
#pragma once

#include <sluice/plugin.h>
#include <sluice/job.hpp>
#include <sluice/log.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sluice {

/// The process that runs the plugin. A small view that may be kept until the handler object is destroyed.
class Host {
 public:
  explicit Host(const sluice_host& raw) : raw_(&raw) {}

  /// "0.1.0"
  std::string_view runtime_version() const { return detail::view(raw_->runtime_version); }
  /// How many jobs this process runs at the same time.
  std::uint32_t slots() const { return raw_->slots; }
  /// Writes log lines that do not belong to a job. [any-thread]
  Log log() const { return Log(*raw_); }
  /// Like Job::secret. [any-thread]
  std::optional<std::string_view> secret(std::string_view name) const {
    return detail::secret_in(extension<sluice_secrets>(SLUICE_EXTENSION_SECRETS), name);
  }
  /// Like Job::extension, for extensions that do not concern a job. [any-thread]
  template <class T>
  const T* extension(std::string_view id, std::size_t at_least = sizeof(T)) const {
    return detail::extension_as<T>(raw_->get_extension(raw_, detail::str(id)), at_least);
  }

 private:
  const sluice_host* raw_;
};

#ifndef SLUICE_WITHOUT_RAPIDJSON

namespace detail {

struct Parsed {
  rapidjson::Document document;
};

}  // namespace detail

/// A password, a token or a key: granted by the operator, a string in the configuration, or the first line of
/// a file. It may be kept, and all slots may use it at the same time.
class Secret {
 public:
  /// `place` is what errors call it: "configuration /token".
  Secret(std::string place, std::string text, std::string file)
      : place_(std::move(place)), text_(std::move(text)), file_(std::move(file)) {}

  /// A file is read each time, so a changed secret needs no restart. Blanks at the end of the line are
  /// dropped. Throws RetryLater, with a delay of a minute, if the file can't be read or the line is empty.
  std::string get() const {
    if (file_.empty()) return text_;
    errno = 0;
    std::ifstream file(file_);
    std::string line;
    std::getline(file, line);
    if (file.bad() || !file.is_open()) {
      const std::string why = std::generic_category().message(errno);
      throw unusable("the file '" + file_ + "' can't be read: " + why);
    }
    line.erase(line.find_last_not_of(" \t\r\n\v\f") + 1);
    if (line.empty()) throw unusable("the first line of '" + file_ + "' is empty");
    return line;
  }

 private:
  RetryLater unusable(const std::string& why) const {
    return {"secret-file", place_ + "_file: " + why, std::chrono::minutes(1)};
  }

  std::string place_;
  std::string text_;
  std::string file_;
};

/// The plugin's configuration, a JSON object. It is valid only in the constructor that gets it, so copy what
/// you want to keep. If a member is absent or has the wrong type, reading it throws, and the plugin refuses
/// to start with "configuration /host: expected a string, found nothing".
class Config : private detail::Parsed, public Json {
 public:
  Config(const sluice_host& host, std::string_view text)
      : Parsed{detail::parse_json(text, "configuration")},
        Json(document, "configuration", {}, text),
        host_(host),
        text_(text) {}
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  std::string_view text() const { return text_; }
  Host host() const { return host_; }

  /// The secret that [plugin.NAME.secrets] grants as `key`; else that in `key`, or in the first line of the
  /// file that `<key>_file` names. The file is read once, to check that it can be read. Throws
  /// PermanentError, which names the key, if none is granted and neither or both are set, or if the file is
  /// unusable.
  Secret secret(std::string_view key) const { return secret(*this, key); }
  /// The same, from a table in the configuration: `config.secret(config.object("oauth"), "token")`, which is
  /// granted as `oauth_token`.
  Secret secret(const Json& table, std::string_view key) const {
    auto found = find_secret(table, key);
    if (found) return *std::move(found);
    throw refusal(place(table, key) + ": expected a string, or a file in " + std::string(key) +
                  "_file, found neither");
  }
  /// The same; nullopt if there is none.
  std::optional<Secret> find_secret(std::string_view key) const { return find_secret(*this, key); }
  std::optional<Secret> find_secret(const Json& table, std::string_view key) const {
    const std::string name(key);
    if (const auto value = granted(table, key)) return Secret(place(table, name), std::string(*value), "");
    std::string text = table.string_or(name, "");
    std::string file = table.string_or(name + "_file", "");
    if (text.empty() && file.empty()) return std::nullopt;
    if (!text.empty() && !file.empty()) {
      throw refusal(place(table, name + "_file") + ": " + name + " is set too; keep one of them");
    }
    Secret secret(place(table, name), std::move(text), std::move(file));
    try {
      (void)secret.get();
    } catch (const RetryLater& unusable) {
      throw refusal(unusable.what());
    }
    return secret;
  }
  /// What the operator granted instead of `key` in `table`; nullopt if nothing.
  std::optional<std::string_view> granted(const Json& table, std::string_view key) const {
    return host_.secret(grant_of(table, key));
  }

 private:
  static std::string place(const Json& table, std::string_view key) {
    return "configuration " + table.path() + '/' + std::string(key);
  }
  /// "oauth_token" for the key "token" of the table "/oauth".
  static std::string grant_of(const Json& table, std::string_view key) {
    std::string name = table.path().empty() ? "" : table.path().substr(1) + '_';
    std::replace(name.begin(), name.end(), '/', '_');
    return name.append(key);
  }
  static PermanentError refusal(const std::string& why) { return {"bad-configuration", why}; }

  Host host_;
  std::string_view text_;
};

#else

/// The plugin's configuration. It is valid only in the constructor that gets it.
class Config {
 public:
  Config(const sluice_host& host, std::string_view text) : host_(host), text_(text) {}
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  /// A JSON object, "{}" if there is no configuration.
  std::string_view text() const { return text_; }
  Host host() const { return host_; }

 private:
  Host host_;
  std::string_view text_;
};

#endif

}  // namespace sluice
