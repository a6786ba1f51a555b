// What a handler class is made from: the plugin's configuration, and the host that runs it.
#pragma once

#include <sluice/plugin.h>
#include <sluice/job.hpp>
#include <sluice/log.hpp>

#include <cstdint>
#include <string_view>

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

 private:
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
