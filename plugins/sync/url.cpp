#include "url.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "../common/curl.hpp"

namespace data_sync {

namespace {

std::string decoded(const std::string& text) {
  std::string blanks = text;
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  int size = 0;
  const std::unique_ptr<char, decltype(&curl_free)> owner(
      curl_easy_unescape(nullptr, blanks.data(), static_cast<int>(blanks.size()), &size), &curl_free);
  return owner ? std::string(owner.get(), static_cast<std::size_t>(size)) : text;
}

/// The query without the parameters of that name.
std::string without(const std::string& query, const std::string& name) {
  std::string kept;
  for (std::size_t begin = 0; begin < query.size();) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string parameter = query.substr(begin, end - begin);
    if (decoded(parameter.substr(0, parameter.find('='))) != name) {
      kept += (kept.empty() ? "" : "&") + parameter;
    }
    begin = end + 1;
  }
  return kept;
}

}  // namespace

Url::Url(const std::string& text) : url_(curl_url(), &curl_url_cleanup) {
  if (!url_) throw std::bad_alloc();
  set(text);
}

Url::Url(const Url& other) : url_(curl_url_dup(other.url_.get()), &curl_url_cleanup) {
  if (!url_) throw std::bad_alloc();
}

void Url::set(const std::string& text) {
  const bool one_line =
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 127; });
  const bool parsed =
      one_line && curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) == CURLUE_OK;
  const std::string scheme = part(CURLUPART_SCHEME);
  if (parsed && (scheme == "https" || scheme == "http") && !host().empty()) return;
  throw std::invalid_argument("expected an http or https URL without a user or blanks");
}

Url Url::resolved(const std::string& link) const {
  Url target(*this);
  target.set(link);
  return target;
}

void Url::set_parameter(const std::string& name, const std::string& value) {
  std::string query = without(part(CURLUPART_QUERY), name);
  query += (query.empty() ? "" : "&") + common::percent_encoded(name) + "=" + common::percent_encoded(value);
  if (curl_url_set(url_.get(), CURLUPART_QUERY, query.c_str(), 0) != CURLUE_OK) {
    throw std::invalid_argument("the query can't have '" + name + "'");
  }
}

std::string Url::part(CURLUPart which) const {
  return common::url_part(url_.get(), which, which == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0);
}

std::string Url::shown() const {
  std::string text = this->text();
  text.resize(std::min(text.find_first_of("?#"), text.size()));
  return text;
}

std::string Url::host() const {
  std::string host = part(CURLUPART_HOST);
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return host;
}

bool Url::same_origin(const Url& other) const {
  return is_https() == other.is_https() && host() == other.host() && port() == other.port();
}

}  // namespace data_sync
