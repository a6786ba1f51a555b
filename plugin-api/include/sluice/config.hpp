// What a handler class is made from: the plugin's configuration, and the host that runs it.
#pragma once

#include <sluice/plugin.h>
#include <sluice/job.hpp>
#include <sluice/log.hpp>

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
  /// Log lines that belong to no job. [any-thread]
  Log log() const { return Log(*raw_); }
  /// As Job::extension, for what is not about a job. [any-thread]
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

/// A password, a token, a key: a text of the configuration, or the first line of a file. May be kept, and
/// used by all slots at the same time.
class Secret {
 public:
  /// `place` is what errors call it: "configuration /token".
  Secret(std::string place, std::string text, std::string file)
      : place_(std::move(place)), text_(std::move(text)), file_(std::move(file)) {}

  /// A file is read anew each time, so that a changed secret needs no restart; blanks at the line's end are
  /// no part of it. Throws RetryLater, a minute later, when it can't be read or that line is empty.
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

/// The plugin's configuration, a JSON object. Valid only in the constructor that it is given to: copy what
/// you want to keep. What is absent or of another type throws, and the plugin refuses to start with
/// "configuration /host: expected a string, found nothing".
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

  /// The secret that is `key`, or the first line of the file that `<key>_file` names. A file is read once, to
  /// see that it can be. Throws PermanentError, which names the key, when there is neither, both, or an
  /// unusable file.
  Secret secret(std::string_view key) const { return secret(*this, key); }
  /// The same, of a table in the configuration: `config.secret(config.object("oauth"), "token")`.
  Secret secret(const Json& table, std::string_view key) const {
    auto found = find_secret(table, key);
    if (found) return *std::move(found);
    throw refusal(place(table, key) + ": expected a string, or a file in " + std::string(key) +
                  "_file, found neither");
  }
  /// The same; none when there is neither.
  std::optional<Secret> find_secret(std::string_view key) const { return find_secret(*this, key); }
  std::optional<Secret> find_secret(const Json& table, std::string_view key) const {
    const std::string name(key);
    std::string text = table.string_or(name, "");
    std::string file = table.string_or(name + "_file", "");
    if (text.empty() && file.empty()) return std::nullopt;
    if (!text.empty() && !file.empty()) {
      throw refusal(place(table, name + "_file") + ": there is " + name + ", too; keep one of them");
    }
    Secret secret(place(table, name), std::move(text), std::move(file));
    try {
      (void)secret.get();
    } catch (const RetryLater& unusable) {
      throw refusal(unusable.what());
    }
    return secret;
  }

 private:
  static std::string place(const Json& table, std::string_view key) {
    return "configuration " + table.path() + '/' + std::string(key);
  }
  static PermanentError refusal(const std::string& why) { return {"bad-configuration", why}; }

  Host host_;
  std::string_view text_;
};

#else

/// The plugin's configuration. Valid only in the constructor that it is given to.
class Config {
 public:
  Config(const sluice_host& host, std::string_view text) : host_(host), text_(text) {}
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  /// A JSON object, "{}" without one.
  std::string_view text() const { return text_; }
  Host host() const { return host_; }

 private:
  Host host_;
  std::string_view text_;
};

#endif

}  // namespace sluice
