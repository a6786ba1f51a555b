#include "http/families.hpp"

#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>

namespace sluice::http {

using prometheus::ClientMetric;
using prometheus::MetricType;

Family::Family(std::vector<prometheus::MetricFamily>& families, MetricType type, std::string name,
               std::string help)
    : families_(families), index_(families.size()) {
  families_.push_back({std::move(name), std::move(help), type, {}});
}

void Family::add(const Labels& labels, double value) {
  ClientMetric sample;
  sample.label = labels;
  (family().type == MetricType::Counter ? sample.counter.value : sample.gauge.value) = value;
  family().metric.push_back(std::move(sample));
}

void Family::add(const Labels& labels, const base::Histogram& histogram) {
  ClientMetric sample;
  sample.label = labels;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    count += histogram.counts()[i];
    const double bound =
        i < histogram.bounds().size() ? histogram.bounds()[i] : std::numeric_limits<double>::infinity();
    sample.histogram.bucket.push_back({count, bound});
  }
  sample.histogram.sample_count = count;
  sample.histogram.sample_sum = histogram.sum();
  family().metric.push_back(std::move(sample));
}

Family Families::counter(std::string name, std::string help) {
  return {families_, MetricType::Counter, std::move(name), std::move(help)};
}

Family Families::gauge(std::string name, std::string help) {
  return {families_, MetricType::Gauge, std::move(name), std::move(help)};
}

Family Families::histogram(std::string name, std::string help) {
  return {families_, MetricType::Histogram, std::move(name), std::move(help)};
}

std::string Families::text() const {
  std::vector<prometheus::MetricFamily> with_samples;
  for (const auto& family : families_) {
    if (!family.metric.empty()) with_samples.push_back(family);
  }
  return prometheus::TextSerializer().Serialize(with_samples);
}

}  // namespace sluice::http
