//! Whole numbers that say when they do not hold a result.
//!
//! DataFusion's sums and operators on whole numbers wrap around. A wrong amount is worse than none,
//! so sums are made in wider numbers and then brought back, and operators are checked.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, BinaryExpr, ColumnarValue, EmitTo, Expr,
    ExprSchemable, GroupsAccumulator, Operator, ReversedUDAF, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::logical_expr_common::type_coercion::binary::BinaryTypeCoercer;
use datafusion::physical_expr_common::datum::apply;
use datafusion::prelude::SessionContext;

use super::WHOLE;

/// Digits of a decimal of 128 bits that is summed as it is: ten billion of the largest still fit.
const SUMMED_DIGITS_MAX: u8 = 28;

/// Puts these sums and operators in the place of DataFusion's.
pub fn install(context: &mut SessionContext) -> Result<()> {
    for inner in [sum_udaf(), avg_udaf()] {
        context.register_udaf(AggregateUDF::new_from_impl(Widened { inner }).into())?;
    }
    context.register_function_rewrite(Arc::new(CheckedOperators))
}

/// An aggregate that is worked out in wider numbers than those it is asked for.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Widened {
    inner: Arc<AggregateUDF>,
}

/// The types that the wider aggregate has.
struct Wide {
    fields: Vec<FieldRef>,
    return_field: FieldRef,
}

/// The type in which numbers of `data_type` are summed, where that is another.
fn wider(data_type: &DataType) -> Option<DataType> {
    match *data_type {
        DataType::Int64 | DataType::UInt64 | DataType::Duration(_) => Some(WHOLE),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) => {
            Some(DataType::Decimal128(digits, scale))
        }
        DataType::Decimal128(digits, scale) if digits > SUMMED_DIGITS_MAX => {
            Some(DataType::Decimal256(digits, scale))
        }
        _ => None,
    }
}

impl Widened {
    fn widen(&self, fields: &[FieldRef]) -> Result<Option<Wide>> {
        let [field] = fields else { return Ok(None) };
        let Some(data_type) = wider(field.data_type()) else { return Ok(None) };
        let field = Arc::new(Field::new(field.name(), data_type, true));
        let return_field = self.inner.return_field(std::slice::from_ref(&field))?;
        Ok(Some(Wide { fields: vec![field], return_field }))
    }

    /// Makes an accumulator that is fed with wide numbers and answers narrow ones.
    fn wrap<T>(
        &self,
        args: AccumulatorArgs<'_>,
        make: impl FnOnce(AccumulatorArgs<'_>) -> Result<T>,
        wrap: impl FnOnce(T, Bridge) -> T,
    ) -> Result<T> {
        let Some(Wide { fields, return_field }) = self.widen(args.expr_fields)? else {
            return make(args);
        };
        let bridge = Bridge {
            name: self.inner.name().to_owned(),
            wide: fields[0].data_type().clone(),
            narrow: args.return_field.data_type().clone(),
        };
        let made = make(AccumulatorArgs { expr_fields: &fields, return_field, ..args })?;
        Ok(wrap(made, bridge))
    }
}

impl AggregateUDFImpl for Widened {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            // Nothing wider is left to sum these in.
            [DataType::Decimal256(_, _) | DataType::Interval(_)] => {
                exec_err!("{}({}) is not supported", self.name(), arg_types[0])
            }
            _ => self.inner.return_type(arg_types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.wrap(
            args,
            |args| self.inner.accumulator(args),
            |inner, bridge| Box::new(Bridged { inner, bridge }),
        )
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.wrap(
            args,
            |args| self.inner.create_sliding_accumulator(args),
            |inner, bridge| Box::new(Bridged { inner, bridge }),
        )
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        let supported = |args: AccumulatorArgs<'_>| self.inner.groups_accumulator_supported(args);
        self.wrap(args, |args| Ok(supported(args)), |supported, _| supported).unwrap_or(false)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.wrap(
            args,
            |args| self.inner.create_groups_accumulator(args),
            |inner, bridge| Box::new(BridgedGroups { inner, bridge }),
        )
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match self.widen(args.input_fields)? {
            Some(Wide { fields, return_field }) => self.inner.state_fields(StateFieldsArgs {
                input_fields: &fields,
                return_field,
                ..args
            }),
            None => self.inner.state_fields(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The way between narrow and wide numbers.
#[derive(Debug)]
struct Bridge {
    name: String,
    wide: DataType,
    narrow: DataType,
}

impl Bridge {
    fn widen(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let widen = |values: &ArrayRef| match values.data_type() {
            DataType::Duration(_) => cast(&cast(values, &DataType::Int64)?, &self.wide),
            _ => cast(values, &self.wide),
        };
        Ok(values.iter().map(widen).collect::<Result<_, _>>()?)
    }

    /// Refuses what does not fit.
    fn narrow(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let to = |values: &ArrayRef, data_type| cast_with_options(values, data_type, &options);
        let narrowed = match self.narrow {
            DataType::Duration(_) => {
                to(values, &DataType::Int64).and_then(|values| to(&values, &self.narrow))
            }
            _ => to(values, &self.narrow),
        };
        narrowed.map_err(|_| {
            exec_datafusion_err!(
                "a {} does not fit into {}: cast what is summed to DECIMAL, or group it further",
                self.name,
                self.narrow
            )
        })
    }
}

/// An accumulator of wide numbers that is fed with narrow ones.
#[derive(Debug)]
struct Bridged {
    inner: Box<dyn Accumulator>,
    bridge: Bridge,
}

impl Accumulator for Bridged {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&self.bridge.widen(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let wide = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.bridge.narrow(&wide)?, 0)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&self.bridge.widen(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The same for many groups at once.
struct BridgedGroups {
    inner: Box<dyn GroupsAccumulator>,
    bridge: Bridge,
}

impl GroupsAccumulator for BridgedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(&self.bridge.widen(values)?, group_indices, filter, groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let wide = self.inner.evaluate(emit_to)?;
        self.bridge.narrow(&wide)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        groups: usize,
    ) -> Result<()> {
        self.inner.merge_batch(values, group_indices, groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&self.bridge.widen(values)?, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// Puts checked functions in the place of `+`, `-` and `*` between whole numbers.
#[derive(Debug)]
struct CheckedOperators;

impl FunctionRewrite for CheckedOperators {
    fn name(&self) -> &str {
        "checked_operators"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_checked(*op) => {
                let (Ok(one), Ok(other)) = (left.get_type(schema), right.get_type(schema)) else {
                    return Ok(Transformed::no(expr));
                };
                match BinaryTypeCoercer::new(&one, op, &other).get_input_types() {
                    Ok((one, other)) if is_whole(&one) && is_whole(&other) => {
                        let left = left.as_ref().clone().cast_to(&one, schema)?;
                        let right = right.as_ref().clone().cast_to(&other, schema)?;
                        Ok(Transformed::yes(checked(*op, left, right)))
                    }
                    _ => Ok(Transformed::no(expr)),
                }
            }
            Expr::Negative(inner) => match inner.get_type(schema) {
                Ok(data_type) if is_signed(&data_type) => {
                    let zero = lit(0_i64).cast_to(&data_type, schema)?;
                    let inner = inner.as_ref().clone();
                    Ok(Transformed::yes(checked(Operator::Minus, zero, inner)))
                }
                _ => Ok(Transformed::no(expr)),
            },
            _ => Ok(Transformed::no(expr)),
        }
    }
}

fn is_checked(operator: Operator) -> bool {
    matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply)
}

/// Whether numbers of this type wrap around in DataFusion. Decimals are checked already.
fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Duration(_))
}

fn is_signed(data_type: &DataType) -> bool {
    data_type.is_signed_integer()
}

fn checked(operator: Operator, left: Expr, right: Expr) -> Expr {
    let signature = Signature::any(2, Volatility::Immutable);
    ScalarUDF::new_from_impl(Checked { operator, signature }).call(vec![left, right])
}

/// An operator between whole numbers that fails instead of wrapping around.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operator: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operator {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            _ => "checked_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let [left, right] = arg_types else {
            return exec_err!("{} takes two numbers", self.name());
        };
        BinaryTypeCoercer::new(left, &self.operator, right).get_result_type()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return exec_err!("{} takes two numbers", self.name());
        };
        match self.operator {
            Operator::Plus => apply(left, right, add),
            Operator::Minus => apply(left, right, sub),
            _ => apply(left, right, mul),
        }
    }
}
